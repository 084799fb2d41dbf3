"""What arms the recorder in a program started by `recorder run`: see sitecustomize.py."""

# Modules that arming needed and a bare start does not have: out of sys.modules, but alive.
kept: list[object] = []
