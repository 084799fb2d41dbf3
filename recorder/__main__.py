"""`python -m recorder` is the command `recorder`."""

import sys

from recorder.cli import of_process

if __name__ == "__main__":
    sys.exit(of_process())
