"""exec, eval and compile: with namespaces of their own, in functions, failing, functions made and called later."""

FILE = __file__


def run(text, mode="exec", **names):
    code = compile(text, FILE, mode)
    space = {"__name__": "space", **names}
    result = eval(code, space)
    return result, space.get("half")


def with_locals():
    inside = {"a": 1}
    code = compile("b = a + 1\nc = [b] * 2\ndel a", FILE, "exec")
    exec(code, {"__name__": "outer"}, inside)
    return inside


def functions():
    space = {"__name__": "made"}
    exec(compile("def f(x, y=2):\n    z = x * y\n    return z\n\ng = lambda q: f(q) + 1\n", FILE, "exec"), space)
    return space["f"](3), space["g"](4)


def failing():
    try:
        run("a = 1\nb = a / 0\n")
    except ZeroDivisionError as error:
        kind = type(error).__name__
    try:
        compile("a = = 1", FILE, "exec")
    except SyntaxError as error:
        where = error.lineno, error.offset
    return kind, where


def here():
    x = 5
    found = eval("x + 1")
    seen = sorted(locals())
    return found, seen


def generators():
    code = compile("(n + 1 for n in source)", FILE, "eval")
    made = eval(code, {"source": [1, 2]})
    return list(made)


run("total = sum(range(n))\nhalf = total / 2\n", n=5)
run("[n for n in (1, 2)] + [3]", "eval")
with_locals()
functions()
failing()
here()
generators()
