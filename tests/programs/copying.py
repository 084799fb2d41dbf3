"""Protocols that library code calls back: copy, pickle, json encoders, reduce, context variables, weak containers."""

import contextvars
import copy
import pickle
import weakref

mode = contextvars.ContextVar("mode", default="none")


class Kept:
    def __init__(self, a, b):
        self.a = a
        self.b = b

    def __getstate__(self):
        state = {"a": self.a}
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.b = "restored"


class Reduced:
    def __init__(self, n):
        self.n = n

    def __reduce__(self):
        return rebuild, (self.n, "extra")


class Deep:
    def __init__(self, inner):
        self.inner = inner

    def __copy__(self):
        made = Deep(self.inner)
        return made


def rebuild(n, extra):
    made = Reduced(n + 1)
    made.extra = extra
    return made


def pickled():
    kept = pickle.loads(pickle.dumps(Kept(1, [2])))
    reduced = pickle.loads(pickle.dumps(Reduced(3)))
    return kept.b, reduced.n, reduced.extra


def copied():
    shared = [1]
    deep = Deep([shared, shared])
    shallow = copy.copy(deep)
    whole = copy.deepcopy(deep)
    shared.append(2)
    return shallow.inner is deep.inner, whole.inner[0] is whole.inner[1], whole.inner


def in_context():
    def inside():
        mode.set("inside")
        return mode.get()

    context = contextvars.copy_context()
    found = context.run(inside)
    return found, mode.get(), context[mode]


def weakly():
    table = weakref.WeakValueDictionary()
    kept = Kept(1, 2)
    table["kept"] = kept
    table["lost"] = Kept(3, 4)
    names = list(table)
    proxy = weakref.proxy(kept)
    proxy.a = 5
    return names, kept.a


pickled()
copied()
in_context()
weakly()
