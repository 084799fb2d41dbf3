"""A wrapper that does not hand on what it wraps."""


def logged(function):
    def call(*args):
        function(*args)  # bug

    return call


@logged
def double(value):
    return 2 * value


print(double(4))

# Symptom: None.
# $ calls
# > double(value=4) → 8
# $ find --function "*call" --kind return
# > → None
