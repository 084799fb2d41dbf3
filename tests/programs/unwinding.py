"""Exceptions on their way: through finally, with, loops and generators; raised again, replaced, chained, noted."""


class Problem(Exception):
    def __init__(self, message, level):
        super().__init__(message)
        self.level = level


class Guard:
    def __init__(self, swallow=False, replace=None):
        self.swallow = swallow
        self.replace = replace
        self.seen = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.seen = kind
        if self.replace:
            raise self.replace
        return self.swallow


def deep(n):
    try:
        if n == 0:
            raise Problem("bottom", n)
        deep(n - 1)
    finally:
        passed = n


def again():
    try:
        try:
            deep(2)
        except Problem as problem:
            problem.add_note("seen")
            problem.level += 10
            raise
    except Problem as problem:
        level = problem.level
    return level


def replaced():
    try:
        with Guard(replace=RuntimeError("instead")):
            raise Problem("lost", 1)
    except RuntimeError as error:
        return type(error.__context__).__name__


def nested():
    outer, inner = Guard(), Guard(swallow=True)
    with outer:
        with inner:
            raise Problem("inside", 2)
        reached = True
    return outer.seen, inner.seen is Problem, reached


def in_handlers():
    found = []
    try:
        try:
            raise KeyError(1)
        except KeyError:
            raise IndexError(2)  # noqa: B904
    except IndexError as error:
        found.append(error.__context__.args)
    try:
        raise ValueError(3) from Problem("cause", 3)
    except ValueError as error:
        found.append(error.__cause__.level)
    try:
        raise ValueError from None
    except ValueError as error:
        found.append(error.__suppress_context__)
    return found


def out_of_loops():
    left = []
    for i in range(5):
        try:
            if i == 1:
                continue
            if i == 3:
                break
            left.append(i)
        finally:
            left.append(-i)
    else:
        left.append("never")
    return left


def through_a_generator():
    def source():
        try:
            yield 1
            raise Problem("source", 4)
        finally:
            left = True

    try:
        return [item for item in source()]
    except Problem as problem:
        return problem.level


def kinds():
    out = []
    for bad in (lambda: 1 / 0, lambda: [][1], lambda: {}["k"], lambda: None.x, lambda: int("x"), lambda: undefined):
        try:
            bad()
        except (ArithmeticError, LookupError, AttributeError, ValueError, NameError) as error:
            out.append(type(error).__name__)
    return out


again()
replaced()
nested()
in_handlers()
out_of_loops()
through_a_generator()
kinds()
