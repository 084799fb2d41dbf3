"""The core: what is compiled. A free-threaded Python is refused here, before any of it is loaded: that alone would
switch the GIL on, with a warning on the program's stderr."""

import sys

if "t" in sys.abiflags:
    from recorder import errors

    raise errors.FreeThreadedPythonError(version=sys.version.split()[0])
