"""Python called by C: sorted, map, filter, re.sub, json, functools.reduce, iter with a sentinel, signal handlers."""

import collections
import functools
import itertools
import json
import re
import signal


def key(word):
    return len(word), word


def with_keys():
    words = ["pear", "fig", "apple", "kiwi"]
    ordered = sorted(words, key=key)
    lengths = list(map(lambda word: len(word), words))
    short = [*filter(lambda word: len(word) < 5, words)]
    grouped = {n: list(group) for n, group in itertools.groupby(ordered, key=len)}
    total = functools.reduce(lambda a, b: a + len(b), words, 0)
    best = max(words, key=lambda word: word[-1])
    return ordered, lengths, short, grouped, total, best


def replaced():
    def shout(match):
        found = match.group(0)
        return found.upper()

    return re.sub(r"\b[aeiou]\w*", shout, "an apple under my eye")


def as_json():
    def other(value):
        return sorted(value)

    def hook(pairs):
        return collections.OrderedDict(pairs)

    text = json.dumps({"s": {3, 1}}, default=other)
    return json.loads(text, object_pairs_hook=hook)


def until():
    steps = iter([1, 2, 0, 3])
    return list(iter(lambda: next(steps), 0))


class Missing(dict):
    def __missing__(self, key):
        self[key] = made = [key]
        return made


def defaults():
    table = Missing()
    table["a"].append(1)
    counted = collections.defaultdict(lambda: "made")
    return table["a"], counted["x"]


def handled():
    seen = []

    def handler(number, frame):
        seen.append(frame.f_code.co_name)

    before = signal.signal(signal.SIGUSR1, handler)
    signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)
    return seen


with_keys()
replaced()
as_json()
until()
defaults()
handled()
