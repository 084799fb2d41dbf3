"""The file around the records: docs/trace-format.md, section 1.

blocks       file header, chunk header and verdict as bytes
chunks       the one reader of chunks; it trusts no size before it has checked it
compression  the codecs of payloads
writer       the one writer: chunks at the end, then the closing
compaction   a trace made anew without what was dropped
file         a trace file opened for reading: its chunks, its damage, its verdict
publish      a closed file gets its name
"""
