"""exec, eval, deletion and re-creation of globals, star imports of names into a namespace."""

code = compile("a = 1\nb = a + 1\ndef f(x):\n    return x * b\nc = f(21)\n", __file__, "exec")
space = {}
exec(code, space)
answer = eval("c // 2", space)
temporary = "here"
del temporary
temporary = "again"
for name in ("p", "q"):
    globals()[name] = name * 2
del globals()["p"]
last = q  # noqa: F821
