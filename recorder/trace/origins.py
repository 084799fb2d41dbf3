"""How far it is known that a text is what a code was compiled from: the words of ORIGINS chunks, and what they mean."""

from __future__ import annotations

from typing import Final

PROVED: Final = "proved"
DIFFERS: Final = "differs"
UNCHECKED: Final = "unchecked"
UNKNOWN: Final = "unknown"  # said by the reader, where the trace says nothing

NOT_FOUND: Final = "not_found"
NOT_PYTHON: Final = "not_python"
TOO_LARGE: Final = "too_large"
NO_ROOM: Final = "no_room"
LEFT_OUT: Final = "left_out"  # said by the reader, for all files
NO_FILE: Final = "no_file"  # likewise, of what is in no file

# What is to be said of a text that may not be what ran.
DOUBTS: Final = {
    DIFFERS: "what ran was not compiled from this text: the file was changed, or the code was "
    "rewritten, or is from an outdated .pyc",
    UNCHECKED: "it could not be compiled again to compare it with what ran",
    UNKNOWN: "the trace does not say whether this is what ran",
}

# Why there is no text.
REASONS: Final = {
    NOT_FOUND: "there was no such file when it was looked for",
    NOT_PYTHON: "the file is no text that the code could be from",
    TOO_LARGE: "the file is larger than 4 MiB",
    NO_ROOM: "the room for texts was used up",
    LEFT_OUT: "texts were left out, as the policy wanted it (source_text)",
    NO_FILE: "it is in no file, and Python did not keep its text",
}
