"""match: values, sequences, mappings, classes, guards, captures, alternatives, nothing that matches."""

import dataclasses


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Attribute:
    __match_args__ = ("name",)

    def __init__(self, name):
        self.name = name


def what(thing):
    match thing:
        case None | True:
            return "singleton"
        case 0:
            return "zero"
        case int(n) if n > 100:
            return "large", n
        case str() as text:
            return "text", text
        case [first, *rest] if rest:
            return "sequence", first, rest
        case []:
            return "empty"
        case {"kind": kind, **others}:
            return "mapping", kind, others
        case Point(x=0, y=y):
            return "on the axis", y
        case Point(x, y):
            return "point", x, y
        case Attribute("special"):
            return "special"
        case (Attribute(name), _) | [Attribute(name)]:
            return "attribute", name
    return "nothing"


things = [
    None, 0, 500, 5, "text", [1, 2, 3], [], {"kind": "k", "more": 1}, {}, Point(0, 1), Point(2, 3),
    Attribute("special"), Attribute("plain"), (Attribute("a"), 1), [Attribute("b")], 1.5,
]  # fmt: skip
for thing in things:
    found = what(thing)
