"""Class bodies: nested, computed, with loops and conditions, in functions, with __prepare__, __init_subclass__."""


class Meta(type):
    @classmethod
    def __prepare__(mcls, name, bases, **options):
        prepared = {"prepared": name}
        return prepared

    def __new__(mcls, name, bases, body, **options):
        cls = super().__new__(mcls, name, bases, body)
        cls.options = options
        return cls

    def __init__(cls, name, bases, body, **options):
        super().__init__(name, bases, body)

    def __call__(cls, *args):
        made = super().__call__(*args)
        made.called = True
        return made

    def __instancecheck__(cls, instance):
        return False


class Counted:
    made = []

    def __init_subclass__(cls, /, tag=None, **rest):
        super().__init_subclass__(**rest)
        cls.tag = tag
        Counted.made.append(cls.__name__)


class Whole(Counted, tag="whole"):
    x = 1
    for i in range(3):
        x += i
    if x > 3:
        big = True
    else:
        big = False
    table = {n: str(n) for n in range(2)}
    del i

    class Inner:
        y = 5

        class Innermost:
            z = [6]

    def method(self):
        return self.x, __class__


class Made(metaclass=Meta, flag=3):
    seen = prepared
    locals()["written"] = True

    def __init__(self, n=0):
        self.n = n


def local(base):
    class Local(base):
        captured = base.__name__

        def again(self):
            return super().__init__

    return Local


def dynamic():
    cls = type("Dynamic", (Counted,), {"a": 1}, tag="dynamic")
    return cls.tag, cls.a


def failing():
    try:
        class Bad:
            a = 1
            b = a / 0
    except ZeroDivisionError:
        return "failed"


def generic(item):
    class Wrapped:
        def __class_getitem__(cls, key):
            return cls, key

        item = item if False else "class"

    return Wrapped[int][1]


whole = Whole().method()
made = Made(3)
local(Made)(1).again()
dynamic()
failing()
generic(1)
isinstance(made, Made)
