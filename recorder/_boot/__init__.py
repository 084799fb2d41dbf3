"""What arms the recorder in a program before it begins: see boot.py, which leaves its `ours` here."""
