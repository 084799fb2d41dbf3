"""Coroutines driven by hand: awaitables of all kinds, throw, close, __await__ by a generator and by a class."""

import types


class Once:
    def __init__(self, value):
        self.value = value

    def __await__(self):
        sent = yield self.value
        return sent, self.value


@types.coroutine
def old_style(n):
    got = yield n
    return got


async def leaf():
    first = await Once("a")
    second = await old_style(5)
    return first, second


async def middle():
    try:
        return await leaf()
    except KeyError as error:
        return "caught", error.args
    finally:
        left = True
        print("left", left)


class Manager:
    async def __aenter__(self):
        return await Once("enter")

    async def __aexit__(self, kind, value, trace):
        await Once("exit")
        return kind is ValueError


async def managed():
    async with Manager() as entered, Manager():
        raise ValueError(entered)
    return "after"


def drive(coroutine, *answers):
    asked = []
    try:
        asked.append(coroutine.send(None))
        for answer in answers:
            asked.append(coroutine.send(answer))
    except StopIteration as stop:
        return asked, stop.value
    coroutine.close()
    return asked, "closed"


def thrown_into():
    coroutine = middle()
    coroutine.send(None)
    try:
        coroutine.throw(KeyError("thrown"))
    except StopIteration as stop:
        return stop.value


drive(middle(), 1, 2)
drive(middle(), 1)
thrown_into()
drive(managed(), "first", "second", "third", "fourth")
leaf().close()
