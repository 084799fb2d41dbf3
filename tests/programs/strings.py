"""Text and bytes of every width."""


def text():
    empty = ""
    ascii_text = "plain"
    latin = "caf\xe9"
    wide = "\u4f60\u597d"
    emoji = "\U0001f600!"
    lone = "\ud800 alone"
    s = ""
    for part in (ascii_text, latin, wide, emoji, lone):
        s += part
    return s, empty


def binary():
    data = b"\x00\xffabc"
    buffer = bytearray(data)
    buffer.append(7)
    buffer[0] = 9
    view = data[1:3]
    del buffer[1]
    return bytes(buffer), view


def reuse():
    """New strings at the addresses of old ones."""
    for i in range(8):
        s = "x" * 5 + str(i)
        t = s.upper()
    return t


text()
binary()
reuse()
