"""Cells: seen from both sides while they change, empty, deleted, shared by siblings, in loops and class bodies."""


def both_sides():
    n = 0

    def up():
        nonlocal n
        n += 1
        return n

    def down():
        nonlocal n
        n -= 2
        return n

    up()
    here = n
    down()
    n = 100
    return here, up(), n


def empty():
    def early():
        return later

    try:
        early()
    except NameError as error:
        first = type(error).__name__
    later = 1
    second = early()
    del later
    return first, second


def arguments(a, *b):
    def change():
        nonlocal a
        a = [a, *b]
        return a

    change()
    change()
    return a


def three_deep(x):
    def one():
        def two():
            def three():
                nonlocal x
                x = x + "!"
                return x

            return three()

        return two()

    return one() + one()


def in_place():
    seen = []

    def note(value):
        seen.append(value)
        return len(seen)

    note(1)
    note({"k": 2})
    return seen


def in_class():
    shared = 1

    class Holder:
        value = shared

        def get(self):
            return shared, __class__.value

    shared = 2
    return Holder().get()


def loops():
    functions = []
    for i in range(3):
        def capture():
            return i

        functions.append(capture)
    i = "after"
    return [f() for f in functions]


both_sides()
empty()
arguments(1, 2)
three_deep("x")
in_place()
in_class()
loops()
