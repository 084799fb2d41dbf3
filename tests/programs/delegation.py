"""yield from: to generators, to iterators of other kinds, three deep, with send and throw; trees walked by it."""


class Node:
    def __init__(self, value, left=None, right=None):
        self.value = value
        self.left = left
        self.right = right

    def __iter__(self):
        if self.left:
            yield from self.left
        yield self.value
        if self.right:
            yield from self.right


class Echo:
    """An iterator that is no generator, with send and throw of its own."""

    def __init__(self):
        self.log = []

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        self.log.append(value)
        if len(self.log) > 3:
            raise StopIteration(tuple(self.log))
        return value

    def throw(self, error):
        self.log.append(type(error).__name__)
        return "caught"


def through(thing):
    result = yield from thing
    return result


def twice(thing):
    result = yield from through(thing)
    return "twice", result


def walk():
    tree = Node(4, Node(2, Node(1), Node(3)), Node(5))
    return list(tree)


def talk():
    g = twice(Echo())
    said = [next(g), g.send("a"), g.throw(KeyError("b"))]
    try:
        g.send("c")
    except StopIteration as stop:
        said.append(stop.value)
    return said


def plain_iterators():
    return list(through([1, 2])), list(through("ab")), list(through({"k": 1}))


walk()
talk()
plain_iterators()
