"""A setting that is written to a variable of the function."""

verbose = False


def configure(options):
    if "-v" in options:
        verbose = True  # bug


def main(options):
    configure(options)
    return "details" if verbose else "nothing"


print(main(["-v"]))

# Symptom: -v changes nothing.
# $ history verbose
