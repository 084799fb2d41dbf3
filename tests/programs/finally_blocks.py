"""finally: with return, break, continue, yield and raise on either side of it, nested."""


def returns():
    try:
        return "try"
    finally:
        cleaned = 1


def overrides():
    for i in range(3):
        try:
            continue
        finally:
            if i == 1:
                break  # noqa: B012
    return i


def nested():
    log = []
    try:
        try:
            log.append(1)
            raise ValueError
        finally:
            log.append(2)
            try:
                log.append(3)
            finally:
                log.append(4)
    except ValueError:
        log.append(5)
    else:
        log.append(6)
    finally:
        log.append(7)
    return log


def yields():
    try:
        yield 1
    finally:
        yield 2
        done = True


def value_kept(box):
    try:
        return box["n"]
    finally:
        box["n"] = "changed"


def loses():
    while True:
        try:
            raise KeyError("lost")
        finally:
            break  # noqa: B012
    return "on"


returns()
overrides()
nested()
list(yields())
value_kept({"n": 1})
loses()
