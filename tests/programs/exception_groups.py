"""except*: split, partly handled, nested, raised in the handlers, none matching."""


def split(*errors):
    caught = []
    try:
        raise ExceptionGroup("several", errors)
    except* ValueError as group:
        caught.append(("value", len(group.exceptions)))
    except* (KeyError, IndexError) as group:
        caught.append(("lookup", len(group.exceptions)))
    return caught


def rest():
    try:
        try:
            raise ExceptionGroup("outer", [ValueError(1), ExceptionGroup("inner", [TypeError(2), OSError(3)])])
        except* ValueError:
            handled = True
    except ExceptionGroup as group:
        left = len(group.exceptions)
    return handled, left


def raised_again():
    try:
        try:
            raise ExceptionGroup("x", [ValueError(1), TypeError(2)])
        except* ValueError as group:
            raise KeyError("new") from group
        except* TypeError:
            raise
    except BaseExceptionGroup as group:
        return [type(error).__name__ for error in group.exceptions]


def bare():
    try:
        raise ValueError("alone")
    except* ValueError as group:
        count = len(group.exceptions)
    finally:
        done = True
    return count, done


split(ValueError(1), KeyError(2), ValueError(3), IndexError(4))
rest()
raised_again()
bare()
