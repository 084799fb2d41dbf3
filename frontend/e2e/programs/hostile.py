"""Texts that would do something if a page took them for more than texts, wherever one is shown; and of 10 MB."""

import asyncio
import logging
import sys
import threading

EVIL = "</script><img src=x onerror=alert(1)>\x1b[31m\x1b]0;title\x07\u202egnp\u2066\u200b\x00'\"`${alert(2)}"
LONG = EVIL + "x" * 10_000_000
NAME = EVIL.replace("\x00", "")

Kind = type(NAME, (), {})


def made(name):
    """A function of that name, in a file of that name."""
    space = {}
    exec(
        compile(
            f"def made(text):\n    held = text  # {name[:20]}\n    return held\n",
            name + ".py",
            "exec",
        ),
        space,
    )
    function = space["made"]
    function.__code__ = function.__code__.replace(co_name=name, co_qualname=name)
    return function


def hold(text, long):
    """In variables of all kinds, beneath names and keys of that kind."""
    thing = Kind()
    setattr(thing, NAME, text)
    by_name = {text: long, long: text}
    rows = [text, long, (text, long), {text}, [long.encode()]]
    number = {"n": 1}
    number[text] = rows
    return thing, by_name, rows


async def task(text):
    await asyncio.sleep(0)
    return made(NAME)(text)


async def main():
    await asyncio.gather(asyncio.create_task(task(EVIL), name=NAME))


hold(EVIL, LONG)
made(NAME)(EVIL)
thread = threading.Thread(target=hold, args=(EVIL, LONG), name=NAME)
thread.start()
thread.join()
asyncio.run(main())
print(EVIL)
print(LONG)
print(EVIL, file=sys.stderr)
logging.warning("%s and %.100s", EVIL, LONG)
try:
    raise type(NAME, (ValueError,), {})(LONG)
except ValueError:
    pass
raise ValueError(EVIL, LONG)
