"""Bytes, bytearrays and memoryviews: made, cut, changed in place at the front, in the middle and at the end."""

import array
import io


def immutable():
    data = b"\x00\xff" + bytes(3) + b"text"
    part = data[1:-1]
    number = int.from_bytes(data[:2], "big")
    return part, number, data.hex()


def mutable():
    data = bytearray(b"hello")
    data[0] = 72
    data.extend(b" world")
    data[5:6] = b"--"
    data.pop()
    del data[:3]
    data += b"!"
    data.reverse()
    view = memoryview(data)
    view[0] = 0
    view.release()
    data.clear()
    return data


def buffers():
    numbers = array.array("i", [1, 2, 3])
    numbers.append(4)
    stream = io.BytesIO()
    stream.write(b"abc")
    written = stream.getvalue()
    text = io.StringIO("one\ntwo\n")
    lines = [line for line in text]
    return len(numbers), written, lines


def same_length():
    key = bytearray(8)
    for i in range(8):
        key[i] = i * 31
    return bytes(key)


immutable()
mutable()
buffers()
same_length()
