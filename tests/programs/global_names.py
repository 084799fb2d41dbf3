"""Globals: rebound from functions, deleted, made through globals(), shadowing built-in names, of other modules."""

import types

count = 0
items = []
table = {"n": 1}


def bump(by):
    global count
    count += by
    return count


def make():
    global made
    made = "now"
    globals()["dynamic"] = 5
    globals().update(one=1, two=2)
    return made


def unmake():
    global made
    del made
    globals().pop("dynamic")
    try:
        return made
    except NameError:
        return "gone"


def in_place():
    items.append(count)
    table["n"] += 1
    return len(items)


def shadow():
    global len
    len = lambda thing: -1  # noqa: E731
    short = len("abc")
    del len
    return short, len("abc")


def elsewhere():
    module = types.ModuleType("elsewhere")
    code = compile("x = 1\ndef up():\n    global x\n    x += 1\n    return x\n", __file__, "exec")
    exec(code, module.__dict__)
    first = module.up()
    module.x = 10
    second = module.up()
    return first, second, module.x


def rebound():
    global items
    before = items
    items = []
    in_place()
    return before, items


for step in range(3):
    bump(step)
    in_place()
make()
unmake()
shadow()
elsewhere()
rebound()
if count:
    late = [count]
late.append(bump(1))
