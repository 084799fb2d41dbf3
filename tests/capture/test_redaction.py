"""Nothing that stands under a secret's name is in a trace: in every spelling and every place where names stand."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import recorder
from recorder import redaction
from recorder._core import capture
from recorder.trace.container.file import TraceFile
from recorder.trace.format import ChunkType
from tests.conftest import Run

# Each is written together when the program runs, so that no source and no variable of this file has it.
SECRET, PLAIN = '("%s%d" % ("hunter", 2))', '("%s%d" % ("harmless", 2))'


def found_in(records: bytes) -> bool:
    return b"hunter2" in records


def shown_in(records: bytes) -> bool:
    return b"harmless2" in records


SECRET_NAMES = [
    *("password", "PASSWORD", "passWord", "db_password2", "_password_", "Passwd", "PASSPHRASE", "passcode"),
    *("pwd", "DB_PWD", "pwd2", "secret", "client-secret", "credentials", "getpass", "jwt", "X-XSRF-Token"),
    *("token", "accessToken", "ACCESSTOKEN", "token2", "refresh_token", "__dataclass_dflt_api_token__", "csrf"),
    *("auth", "basic_auth", "Authorization", "HTTP_AUTHORIZATION", "Proxy-Authorization", "bearer", "set-cookie"),
    *("apikey", "api_key", "API_KEY", "X-Api-Key", "x api key", "apiKey", "APIKey", "PRIVATEKEY2", "privateKey"),
    *("access_key", "AWS_ACCESS_KEY_ID", "signing_key", "encryptionKey", "session_id", "sessionid", "PHPSESSIONID"),
    *("Cookie", "cookies", "csrfmiddlewaretoken", "PASSWORDhash", "oauth2_token", "Пароль_token"),
]  # fmt: skip
PLAIN_NAMES = [
    *("tokens", "tokenizer", "author", "key", "keys", "session", "x", "_", "__", "", "user", "bypass", "s3_bucket"),
    *("pass_through", "private", "Content-Type", "access", "Ключ", "apk_ey"),
]  # fmt: skip


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_is_one_in_every_spelling(name: str) -> None:
    assert capture.is_secret_name(name, redaction.SECRETS)


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_what_only_looks_like_one_is_none(name: str) -> None:
    assert not capture.is_secret_name(name, redaction.SECRETS)


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("pin*", ["pin", "PIN2", "pin-code", "pinCode", "pins"], ["spin", "my_pin"]),
        ("myKey", ["my_key", "MY-KEY", "mykey", "myKey3"], ["my_keys", "amykey"]),
        ("x1", ["x1", "X1"], ["x", "x2"]),
        ("_*", ["_x", "__y__"], ["x", "x_"]),
        ("*_", ["x_"], ["x", "_x"]),
        ("b?d", ["bad", "b\u00e9d", "BID"], ["bd", "baad"]),
        ("пароль", ["пароль", "Пароль", "ПАРОЛЬ2"], ["length", "ключик"]),
        ("*", ["anything", "", "-"], []),
    ],
)
def test_a_pattern_is_compared_in_the_same_form(
    pattern: str, names: list[str], others: list[str]
) -> None:
    assert [name for name in names if not capture.is_secret_name(name, (pattern,))] == []
    assert [name for name in others if capture.is_secret_name(name, (pattern,))] == []


# ---- any name, any pattern: as the page has it, said once more ----

HUMP = re.compile(r"(?<=[a-zé0-9])(?=[A-ZÉ])|(?<=[A-ZÉ])(?=[A-ZÉ][a-zé])")


def forms_of(name: str) -> set[str]:
    """What a name is compared as: as it is, by words, and without its digits."""
    found = {name.lower()}
    for text in (name, HUMP.sub("_", name)):
        for part in (text, re.sub("[0-9]", "", text)):
            found.add("_".join(re.findall(r"[^\W_]+", part)).lower())
    return found


def forms_of_pattern(pattern: str) -> set[str]:
    """Likewise: words are apart or together, but for what stands beside a `*` or `?`."""
    found = {pattern.lower()}
    for text, between in ((pattern, "_"), (HUMP.sub("_", pattern), "_"), (pattern, "")):
        text = re.sub(r"[^\w*?]|_", "_", text)
        text = re.sub(r"^_+(?![*?_])|(?<![*?_])_+$", "", text)
        text = re.sub(r"(?<=[*?])_+|_+(?=[*?])", "\0", text)
        found.add(re.sub("_+", between, text).replace("\0", "_").lower())
    return found


def is_one(pattern: str, name: str) -> bool:
    return any(
        re.fullmatch(re.escape(one).replace(r"\*", ".*").replace(r"\?", "."), form, re.S)
        for one in forms_of_pattern(pattern)
        for form in forms_of(name)
    )


@settings(max_examples=600, deadline=None)
@given(
    name=st.text(alphabet="aAbBéÉ019_-.", max_size=9),
    pattern=st.text(alphabet="aAbBéÉ09_-*?", min_size=1, max_size=6),
)
@example(name="IBANCode", pattern="*_code")
@example(name="iban9", pattern="iban")
@example(name="iban0_code", pattern="iban_code")
@example(name="IBANcode", pattern="*_code")
def test_any_pattern_and_any_name(name: str, pattern: str) -> None:
    assert capture.is_secret_name(name, (pattern,)) == is_one(pattern, name)


def test_there_may_be_any_number_of_patterns() -> None:
    many = tuple(f"name{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(300))
    assert all(capture.is_secret_name(name, many) for name in many)
    assert not capture.is_secret_name("name", many)


def values_of(trace: Path) -> bytes:
    """All records of a trace."""
    file = TraceFile(trace)
    try:
        return b"".join(file.payload(chunk) for chunk in file.of(ChunkType.EVENTS))
    finally:
        file.close()


def records_of(folder: Path, *texts: str, **policy: Any) -> bytes:
    """What is recorded of these programs, one after the other."""
    codes = [compile(text, str(folder / "program.py"), "exec", dont_inherit=True) for text in texts]
    with recorder.record(folder / "p.rtrace", min_free_space=0, **policy):
        for code in codes:
            exec(code, types.ModuleType("program").__dict__)
    return values_of(folder / "p.rtrace")


# Where a name stands with its value: {name} as an identifier or {text} as a str, {value} beside it.
PLACES = {
    "a variable": "def f():\n {name} = {value}\n return 1\nf()",
    "an argument": "def f({name}): return 1\nf({value})",
    "a keyword": "def f(**rest): return 1\nf(**{{{text}: {value}}})",
    "a cell": "def f():\n {name} = {value}\n def g(): return len({name})\n return g()\nf()",
    "a global": "{name} = {value}\ndef f(): return len({name})\nf()",
    "a class body": "class C:\n {name} = {value}\n x = 1",
    "an attribute": "class C: pass\nc = C(); setattr(c, {text}, {value})\nx = 1",
    "a slot": "class C: __slots__ = ('{name}',)\nc = C(); c.{name} = {value}\nx = 1",
    "a dataclass": "import dataclasses\n@dataclasses.dataclass\nclass C:\n {name}: str = {value}\nc = C()\nx = 1",
    "a named tuple": "import collections\nC = collections.namedtuple('C', '{name} b')\nc = C({value}, [])\nx = 1",
    "a key": "c = {{{text}: {value}}}\nx = 1",
    "a nested key": "c = [[{{{text}: [{value}]}}]]\nx = 1",
    "a key among others": "c = {{1: 2, {text}: {value}, None: 3}}\nx = 1",
    "a key of bytes": "c = {{{text}.encode(): {value}}}\nx = 1",
    "a key of a class of texts": "class S(str): pass\nc = {{S({text}): {value}}}\nx = 1",
    "a key of an enum": "import enum\nE = enum.Enum('E', [({text}, 1)])\nc = {{E(1): {value}}}\nx = 1",
    "a key with an enum's value": "import enum\nclass E(enum.Enum): A = {text}\nc = {{E.A: {value}}}\nx = 1",
    "a key of a tuple": "c = {{('db', {text}): {value}}}\nx = 1",
    "a pair": "c = ({text}, {value})\nx = 1",
    "a pair in a list": "c = [({text}, {value}), 1, 2, 3]\nx = 1",
    "a list of two": "c = [{text}, {value}]\nx = 1",
    "a pair of bytes": "c = [({text}.encode(), {value}.encode())]\nx = 1",
    "three": "c = [({text}.encode(), {text}.lower().encode(), {value}.encode())]\nx = 1",
    "a pair of a class": "class T(tuple): pass\nc = T(({text}, {value}))\nx = 1",
    "a named pair": (
        "import collections\nC = collections.namedtuple('C', 'a b')\n"
        "c = tuple.__new__(C, ({text}, {value}))\nx = 1"
    ),
    "a member of an enum": "import enum\nE = enum.Enum('E', {{{text}: {value}}})\nc = list(E)\nx = 1",
    "a member with attributes": (
        "import enum\nclass E(enum.Enum):\n {name} = {value}\nfor c in E: c.b = 1\nx = 1"
    ),
    "an ordered key": "import collections\nc = collections.OrderedDict({{{text}: {value}}})\nx = 1",
    "an exception's arguments": "try: raise ValueError({text}, {value})\nexcept ValueError as e: x = 1",
    "what a function is given": "def {name}(a, *b, c): return 1\n{name}({value}, {value}, c={value})",
    "what a function has": "def {name}():\n a = {value}\n b = [a]\n return 1\n{name}()",
    "what a function returns": "def {name}(): return [{value}]\n{name}()",
    "what a generator yields": "def {name}():\n yield {value}\n yield {value}\nlen(list({name}()))",
    "what a coroutine returns": (
        "import asyncio\nasync def {name}(): return {value}\n"
        "async def main(): return len(await {name}())\nasyncio.run(main())"
    ),
    "what a method returns": "class C:\n def {name}(self): return {value}\nlen(C().{name}())",
    "what is in a function": "def {name}():\n def g(a): return [a for a in [{value}]]\n return g({value})\n{name}()",
}  # fmt: skip


Records = Callable[[str], bytes]


@pytest.fixture(scope="module")
def records_with(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """What is recorded of all places with this name, each with a value of its own: see `value_at`."""
    known: dict[str, bytes] = {}

    def get(name: str) -> bytes:
        if name not in known:
            folder = tmp_path_factory.mktemp("places")
            programs = []
            for number, place in enumerate(PLACES.values()):
                program = place.format(name=name, text=repr(name), value=value_at(number))
                programs.append(f"{program}\nend = 1\n")
            known[name] = records_of(folder, *programs)
        return known[name]

    return get


def value_at(number: int) -> str:
    """Written together when the program runs, as SECRET is."""
    return f'("%s%03d" % ("hunter", {number}))'


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["api_token", "PASSWORD2", "Пароль_token"])
def test_no_place_gives_a_secret_away(records_with: Records, place: str, name: str) -> None:
    value = b"hunter%03d" % list(PLACES).index(place)
    assert value not in records_with(name)
    assert value in records_with("harmless_name"), "the place is recorded"


def test_each_spelling_is_redacted_in_headers(tmp_path: Path) -> None:
    programs = []
    for number, name in enumerate([*SECRET_NAMES, "harmless_name"]):
        value = value_at(number)
        lines = (f"c = [({name!r}.encode(), {value})]", f"c = {{{name!r}: {value}}}")
        programs += [*lines, f"c = ({name!r}, {PLAIN}, {value})", "x = 1"]
    records = records_of(tmp_path, "\n".join(programs))
    shown = {int(number) for number in re.findall(rb"hunter(\d{3})", records)}
    assert shown == {len(SECRET_NAMES)}


def test_what_changes_beside_a_secret_is_told(tmp_path: Path) -> None:
    """Pairs are compared as they are written."""
    program = """
def f():
    pairs = [("password", 1), ("name", 2)]
    pairs[0] = ("password", 3)
    pairs[1] = ("name", 4)
    pairs.append(["cookie", []])
    return None
f()
"""
    code = compile(program, str(tmp_path / "program.py"), "exec", dont_inherit=True)
    with recorder.record(tmp_path / "p.rtrace", min_free_space=0):
        exec(code, {"__name__": "program"})
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        shown = [repr(e.locals["pairs"]) for e in trace.events() if "pairs" in e.changed]
    assert shown == [
        "[('password', <redacted>), ('name', 2)]",
        "[('password', <redacted>), ('name', 4)]",
        "[('password', <redacted>), ('name', 4), ['cookie', <redacted>]]",
    ]


def test_own_names_come_on_top_and_the_defaults_go_by_a_word_of_their_own(tmp_path: Path) -> None:
    program = f"pin, password, x = {SECRET}, {SECRET}[::-1], {PLAIN}\nend = 1\n"

    def shown(**policy: Any) -> tuple[bool, bool]:
        records = records_of(tmp_path, program, **policy)
        assert shown_in(records)
        return found_in(records), found_in(records[::-1])

    assert shown() == (True, False)
    assert shown(redact="pin") == (False, False)
    assert shown(redact="pin", redact_defaults=False) == (False, True)
    assert shown(redact_defaults=False) == (True, True)


COMMAND_LINES = [
    (["app.py", "--password", "hunter9", "go"], ["app.py", "--password", "<redacted>", "go"]),
    (["app.py", "--token=hunter9"], ["app.py", "--token=<redacted>"]),
    (["app.py", "-Dapi.key=hunter9"], ["app.py", "-Dapi.key=<redacted>"]),
    (["app.py", "--ask-password", "--fast"], ["app.py", "--ask-password", "--fast"]),
    (["app.py", "DB_PASSWORD=hunter9"], ["app.py", "DB_PASSWORD=<redacted>"]),
    (["app.py", "-H", "Authorization: Basic hunter9"], ["app.py", "-H", "Authorization:<redacted>"]),
    (["app.py", "-H", "Accept: text"], ["app.py", "-H", "Accept: text"]),
    (["postgres://me:hunter9@db:5432/x"], ["postgres://<redacted>@db:5432/x"]),
    (["--db=postgres://me:hunter9@db/x"], ["--db=postgres://<redacted>@db/x"]),
    (["--db", "http://hunter9@db"], ["--db", "http://<redacted>@db"]),
    (["https://a/b?x=1&api_key=hunter9#c"], ["https://a/b?x=1&api_key=<redacted>"]),
    (["https://a/b?x=1&y=2#c"], ["https://a/b?x=1&y=2#c"]),
    (["https://a/b@c"], ["https://a/b@c"]),
    (["https://a?x=b@c"], ["https://a?x=b@c"]),
    (["https://a#b@c"], ["https://a#b@c"]),
    (["https://a?api_key=hunter9@c"], ["https://a?api_key=<redacted>"]),
    (["-m", "passwords", "me@host", "a=b", ":", "=", "", "--", "x:y"], None),
]  # fmt: skip


@pytest.mark.parametrize(("words", "expected"), COMMAND_LINES)
def test_a_command_line_shows_no_secret(words: list[str], expected: list[str] | None) -> None:
    assert redaction.command_line(words, redaction.SECRETS) == (expected or words)
    assert all("://" in word for word in set(words) - set(redaction.command_line(words, ())))


def test_neither_trace_nor_staging_folder_has_the_secret_of_a_command_line(
    tmp_path: Path, run_recorded: Run
) -> None:
    program = """
import pathlib, sys
(session,) = pathlib.Path().glob(".*.partial-*/session.json")
assert "hunter9" not in session.read_text()
assert sys.argv[1:] == ["--password", "hunter9"]
del sys
"""
    result = run_recorded(program, arguments=("--password", "hunter9"))
    assert result.status == 0, result.stderr
    with recorder.open_trace(result.trace) as trace:
        assert trace.meta["argv"][-2:] == ["--password", "<redacted>"]
