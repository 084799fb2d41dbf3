"""__del__ and weakref callbacks: of dropped objects, at the end of functions, resurrecting, failing, in cycles by gc."""

import gc
import sys
import weakref

log = []
saved = []


class Noted:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        entry = ("del", self.name)
        log.append(entry)


class Phoenix:
    def __del__(self):
        saved.append(self)


class Broken:
    def __del__(self):
        raise ValueError("in del")


def gone(reference):
    log.append(("gone", reference() is None))


def at_the_end():
    kept = Noted("local")
    other = Noted("other")
    del kept
    return 1


def replaced():
    thing = Noted("one")
    thing = Noted("two")
    thing = None
    return thing


def watched():
    thing = Noted("watched")
    reference = weakref.ref(thing, gone)
    weakref.finalize(thing, log.append, "finalized")
    del thing
    return reference() is None


def resurrected():
    Phoenix()
    count = len(saved)
    saved.clear()
    return count


def unraisable():
    seen = []
    sys.unraisablehook = lambda problem: seen.append(problem.exc_type)
    Broken()
    sys.unraisablehook = sys.__unraisablehook__
    return len(seen)


def cyclic():
    a, b = Noted("a"), Noted("b")
    a.other, b.other = b, a
    del a, b
    before = len(log)
    gc.collect()
    return len(log) - before


def collected(phase, info):
    log.append(phase)


gc.disable()
at_the_end()
replaced()
watched()
resurrected()
unraisable()
cyclic()
gc.callbacks.append(collected)
gc.collect()
gc.callbacks.remove(collected)
