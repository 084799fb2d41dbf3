"""The version of this package. A module of its own, for what is below the package's own `__init__`."""

VERSION = "0.1.0"
