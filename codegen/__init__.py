"""Makes all that is derived from the table of failures, and checks what the table promises."""
