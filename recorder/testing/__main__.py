"""`python -m recorder unittest`, in the process that runs the tests."""

from recorder.testing import unit

unit.main()
