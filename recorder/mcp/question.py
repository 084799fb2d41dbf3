"""`python -m recorder.mcp.question COMMAND …`: a command that an interrupt ends, though who started the server may have
had interrupts ignored, which a process inherits."""

import signal
import sys

from recorder.cli import main

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
