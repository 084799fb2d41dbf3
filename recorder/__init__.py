"""A flight recorder for Python programs."""
