"""with: several at once, contextlib's generators, ExitStack, suppress, closing, failing on the way in."""

import contextlib


@contextlib.contextmanager
def opened(name, log):
    log.append(("in", name))
    try:
        yield name.upper()
    except LookupError as error:
        log.append(("caught", error.args))
    finally:
        log.append(("out", name))


class Failing:
    def __enter__(self):
        raise OSError(5, "cannot")

    def __exit__(self, *exc):
        raise AssertionError("never entered")


class Thing:
    def __init__(self):
        self.open = True

    def close(self):
        self.open = False


def several():
    log = []
    with opened("a", log) as a, opened("b", log) as b:
        log.append(a + b)
    return log


def stacked(n):
    log = []
    with contextlib.ExitStack() as stack:
        names = [stack.enter_context(opened(str(i), log)) for i in range(n)]
        stack.callback(log.append, "callback")
        raise KeyError("k")
    return log, names


def not_entered():
    log = []
    try:
        with opened("a", log), Failing():
            pass
    except OSError as error:
        return error.errno, log


def ready_made():
    thing = Thing()
    with contextlib.closing(thing), contextlib.suppress(ZeroDivisionError):
        1 / 0
    return thing.open


@opened("decorator", [])
def decorated(x):
    return x + 1


several()
stacked(2)
not_entered()
ready_made()
decorated(1)
