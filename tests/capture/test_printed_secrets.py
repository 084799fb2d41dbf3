"""What is printed under a secret's name is not in a trace, in whatever pieces it is written."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import recorder
from recorder.trace.output import Output

# What stands between « and » is written without these, and is `*` in the trace.
LINES = [
    # names and values
    *("password=«hunter2»", "password = «hunter2» user=bob"),
    *("password: «hunter2 and more, all of it»", "PASSWORD=«x»;b=2"),
    "db.password='«it has \\' in it»' b=1",
    *('Login(user="bob", password="«a b»", ok=True)', "token=«b»'«\\x00 y»', n=1"),
    *("token=«rb»'«a b»' c=2", "api_key=«abc»&user=bob", "apiKey => «abc»", "secret==«x»", "x(token=«a.b-c/d+e==»)"),
    *("?token=«abc»&x=1 HTTP/1.1", "GET /?a=1&access_token=«abc» 200"),
    *("export DB_PASSWORD=«hunter2»", "cookie=«a=b»; c=d"),
    # within quotes
    *("{'password': '«hunter2»', 'user': 'bob'}", '{"api_key":"«abc»","n":1}'),
    *('"token": «12345», "n": 1}', "{'pwd': «None»}"),
    "{'tokens': 3, 'token': «[1, 2], 'rest': of line}»",
    *("\"Set-Cookie\": \"«a=b; c=\\\"d\\\"»\" end", "b'token': «b»'«abc»', n"),
    *('"session id": "«abc»"', "auth_key:«abc def»"),
    # titles and headers
    *("Authorization: «Bearer abc.def»", "API key: «abc»"),
    *("Your access token: «abc»", "the pass phrase : «correct horse»"),
    *("> X-Api-Key: «abc»", "Cookie: «a=b; c=d»", "INFO:root:token:«abc»", "[a] password:«hunter2»"),
    # options
    *("run --password «hunter2» --verbose", "curl --token «abc» --user bob"),
    *("x --api-key=«abc» y", "--secret \"«a b»\" y"),
    # addresses
    *("https://«bob:hunter2»@host/path", "see http://«ghp_abc»@github.com:80/x, or"),
    "'redis://«:hunter2»@localhost:6379/0'",
    *("amqp://«u:p@ss»@host", "a://«b:c»@d e://«f:g»@h"),
    # colours, endings, letters that are none of ASCII's
    *("\x1b[1mtoken\x1b[0m: «abc»", "token: «a»\x1b[31m«b»", "pässword=x passwörd=y"),
    *("password: «x»\rpassword: «y»", "token: «\u20ac»", "password: «\x00\x01»"),
    # none
    *("hello, world", "a == b", "time: 12:34", "tokens: 3"),
    *("author: bob", "key=value", "pass", "password", "password\n: x"),
    "tests/test_auth.py::TestToken::test_it PASSED",
    *("std::token::next", "http://localhost:8080/a@b", "http://h/?q=1"),
    *("mail bob@example.com", "https://example.com/@user"),
    *("token (the second)", "password, user=bob", "'password' in x"),
    *("--password", "--tokens 3", "- password hunter", "C:\\token\\x"),
    *("token=", "password: \nx", "x" * 70 + "password", ""),
    "no_" + "x" * 64 + "_password=shown: it is too long for a name",
]  # fmt: skip


def written(line: str) -> bytes:
    return re.sub("[«»]", "", line).encode() + b"\n"


def expected(line: str) -> bytes:
    parts = re.split("[«»]", line)
    masked = [b"*" * len(part.encode()) if n % 2 else part.encode() for n, part in enumerate(parts)]
    return b"".join(masked) + b"\n"


def pieces() -> Iterator[tuple[str, list[bytes]]]:
    """Every line whole, in single bytes, and in two parts, cut at every place."""
    for line in LINES:
        data = written(line)
        yield line, [data]
        yield line, [data[i : i + 1] for i in range(len(data))]
        for cut in range(1, len(data)):
            yield line, [data[:cut], data[cut:]]


@contextlib.contextmanager
def descriptor() -> Iterator[None]:
    """Descriptor 1 leads nowhere meanwhile."""
    saved, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(null)


def record_all(path: Path, **policy: object) -> list[Output]:
    write, all_pieces = os.write, [part for _, parts in pieces() for part in parts]
    with descriptor(), recorder.record(path, min_free_space=0, exclude=["*"], **policy):
        for part in all_pieces:
            write(1, part)
    with recorder.open_trace(path) as trace:
        return list(trace.output())


def test_what_stands_under_a_secrets_name_is_left_out(tmp_path: Path) -> None:
    told = record_all(tmp_path / "t.rtrace")
    data = b"".join(one.data for one in told)
    assert any(one.redacted for one in told)
    at, wrong = 0, []
    for line, parts in pieces():
        found = data[at : at + len(expected(line))]
        at += len(found)
        if found != expected(line):
            wrong.append((parts, found, expected(line)))
    assert wrong == [] and at == len(data)


def test_an_address_in_a_large_write_is_whole(tmp_path: Path) -> None:
    """However the recorder cuts the write; and one that is never ended is not looked through again and again."""
    data = b"".join(b"." * (32768 * n - 12 * n) + b" https://abc@host/ " for n in range(1, 5))
    data += b"x://" + b"b:c" * 300_000 + b"@d"
    with descriptor(), recorder.record(tmp_path / "t.rtrace", min_free_space=0):
        os.write(1, data)
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        told = b"".join(one.data for one in trace.output())
    assert told == data.replace(b"abc@", b"***@").replace(b"b:c", b"***")


def test_a_policy_without_names_leaves_nothing_out(tmp_path: Path) -> None:
    told = record_all(tmp_path / "t.rtrace", redact_defaults=False)
    assert b"".join(one.data for one in told) == b"".join(
        part for _, parts in pieces() for part in parts
    )
    assert not any(one.redacted for one in told)


def test_the_names_of_a_policy_are_left_out(tmp_path: Path) -> None:
    text = b"pin: 1234\npassword: hunter2\n"
    for policy, shown in (
        ({"redact": ["pin"]}, b"pin: ****\npassword: *******\n"),
        ({"redact": ["pin"], "redact_defaults": False}, b"pin: ****\npassword: hunter2\n"),
    ):
        path = tmp_path / f"{len(policy)}.rtrace"
        with descriptor(), recorder.record(path, min_free_space=0, **policy):
            os.write(1, text)
        with recorder.open_trace(path) as trace:
            assert b"".join(one.data for one in trace.output()) == shown


def test_what_the_system_did_not_take_is_looked_at_again(tmp_path: Path) -> None:
    """A name in a part that was taken, and its value in the rest; a value that was cut."""
    read, end = os.pipe()
    os.set_blocking(end, False)
    size = 1 << 16
    saved = os.dup(1)
    got = b""
    secret = b"hunter2 " * 100
    try:
        os.dup2(end, 1)
        with recorder.record(tmp_path / "t.rtrace", min_free_space=0):
            for last in (b"password", b"password=hun", b"nothing"):
                data = b"." * (size - len(last)) + last + b"=" + secret + b"\n"
                taken = os.write(1, data)
                assert taken == size
                with pytest.raises(BlockingIOError):
                    os.write(1, b"token=")
                got += os.read(read, size)
                os.write(1, data[taken:])
                got += os.read(read, size)
    finally:
        os.dup2(saved, 1)
        for fd in (saved, read, end):
            os.close(fd)
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        data = b"".join(one.data for one in trace.output())
    assert len(data) == len(got)
    assert data == got.replace(b"password=hunter2", b"password=*******").replace(
        b"password=hun=hunter2", b"password=***********"
    )
