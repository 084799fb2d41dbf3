"""Text: every width of CPython's str, surrogates alone, empty, joined, changed where only the middle differs."""


def widths():
    text = "ascii"
    text = "latin ÿ"
    text = "bmp Ω"
    text = "astral 🐍"
    text = "\udcff alone \ud800"
    text = ""
    text = "\x00\x01 nul"
    return text


def middles():
    text = "a" * 500
    for i in (0, 250, 499):
        text = text[:i] + "b" + text[i + 1 :]
    return text.count("b")


def built():
    text = ""
    for i in range(20):
        text += str(i)
    parts = text.split("1")
    return "-".join(parts)


def named():
    größe, 变量, _x = 1, "名", [2]
    größe += 1
    values = {"ключ": größe, "": 变量, "a b": _x}
    return values


def formatted(value):
    shown = f"{value!r:>10} {value:05.1f} {'nested ' + f'{value}'} {value=}"
    template = "%s %d" % (value, 3)
    return shown, template, "{0} {x}".format(value, x=1)


def encoded():
    raw = "ü€".encode()
    back = raw.decode("latin-1")
    lost = b"\xff".decode("utf-8", "surrogateescape")
    return back, lost


widths()
middles()
built()
named()
formatted(2.5)
encoded()
