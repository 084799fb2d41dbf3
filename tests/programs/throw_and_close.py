"""throw() and close() of generators: caught, refused, passed down, answered by another yield."""


def stubborn():
    refusals = 0
    while refusals < 2:
        try:
            yield refusals
        except GeneratorExit:
            refusals += 1
            yield "no"
    return refusals


def inner():
    try:
        yield 1
        yield 2
    except ValueError as error:
        got = yield ("inner", error.args)
        return got
    finally:
        cleaned = True
        print("inner", cleaned)


def outer():
    result = yield from inner()
    yield "outer", result


def replacing():
    try:
        yield 1
    except KeyError:
        raise IndexError("instead") from None


def tidy():
    try:
        yield "open"
    finally:
        closed = ["tidy"]
        closed.append(len(closed))


def refused():
    g = stubborn()
    next(g)
    try:
        g.close()
    except RuntimeError as error:
        return str(error)


def passed_down():
    g = outer()
    first = next(g)
    second = g.throw(ValueError("down", 3))
    third = g.send("up")
    return first, second, third


def replaced():
    g = replacing()
    next(g)
    try:
        g.throw(KeyError("k"))
    except IndexError as error:
        kept = error.args
    try:
        g.throw(KeyError("finished"))
    except KeyError as error:
        late = error.args
    return kept, late


def closed_early():
    fresh = tidy()
    fresh.close()
    started = tidy()
    next(started)
    started.close()
    started.close()
    return list(started)


def never_started():
    g = tidy()
    try:
        g.throw(OSError(2, "gone"))
    except OSError as error:
        return error.errno


refused()
passed_down()
replaced()
closed_early()
never_started()
