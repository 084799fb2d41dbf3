"""The staging folder of a recording, beside the trace that it becomes: `.app.rtrace.partial-<pid>-<id>/`.

layout   its name, its files, what session.json says
files    reserving, locking and removing them
create   planning, making, discarding one
launch   starting the sealer that works at it
stale    finding those that a dead recording has left

Loaded in the recorded program or just before it: each of these imports little.
"""
