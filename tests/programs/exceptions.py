"""Exceptions: handled, propagated, chained, replaced, swallowed by finally."""


class Mine(Exception):
    pass


def raiser(n):
    if n == 0:
        raise Mine("zero", n)
    return raiser(n - 1)


def handled():
    try:
        raiser(2)
    except (ValueError, Mine) as error:
        args = error.args
    else:
        args = None
    return args


def chained():
    try:
        try:
            1 / 0
        except ZeroDivisionError as error:
            raise Mine("chained") from error
    except Mine as outer:
        return type(outer.__cause__).__name__


def overridden():
    try:
        raise ValueError("lost")
    finally:
        return "kept"  # noqa: B012


def loop():
    out = []
    for i in range(4):
        try:
            if i % 2:
                raise KeyError(i)
            out.append(i)
        except KeyError:
            continue
        finally:
            out.append(-1)
    return out


class Manager:
    def __enter__(self):
        return 5

    def __exit__(self, kind, value, trace):
        return kind is Mine


def managed():
    with Manager() as five:
        raise Mine(five)
    return five


handled()
chained()
overridden()
loop()
managed()
