"""The mutants of a C or Cython file, by its text: comments, strings and directives are left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.mutation.mutant import ARITHMETIC, COMPARISONS, WORDS, Mutant

NOT_CODE = {
    "c": r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#[^\n]*(?:\\\n[^\n]*)*',
    "cython": r'""".*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|\#[^\n]*|'
    r"^(?:cdef extern|cimport|from|include)[^\n]*",
}
FUNCTION = {
    "c": re.compile(r"^(?:[\w ]+[ *])??(?!__)(\w+)\([^;]*$", re.M),
    "cython": re.compile(r"^ *(?:cdef|cpdef|def)\b[^=\n]*?\b(\w+)\(", re.M),
}
# Where a comment was, there are blanks.
CONDITION = {
    "c": re.compile(r"\b(?:if|while) \((?P<it>.+)\)(?= *\{? *$)", re.M),
    "cython": re.compile(r"^ *(?:if|elif|while) (?P<it>.+): *$", re.M),
}
CALL = {
    "c": re.compile(r"^ +(?P<it>(?:\(void\) ?)?\w+\([^;{}]*\);) *$", re.M),
    "cython": re.compile(r"^ +(?P<it>\w+(?:\.\w+)*\([^\n]*\)) *$", re.M),
}
STATEMENT = {
    "c": re.compile(r"^ +(?P<it>[\w>.\-\[\]]+ [-+|&]?= [^;{}]*;) *$", re.M),
    "cython": re.compile(r"^ +(?P<it>[\w.\[\]]+ [-+|&]?= [^\n]*[^\n ]) *$", re.M),
}
RETURN = {
    "c": re.compile(r"\breturn (?P<it>[^;\n]+)(?=;)"),
    "cython": re.compile(r"\breturn (?P<it>[^\n]*[^\n ]) *$", re.M),
}
NOTHING = ("0", "NULL", "OK", "false", "False")  # what is the same as 0
NUMBER = re.compile(r"(?<![\w.])(?P<it>\d+)(?![\w.])")
TWO = re.compile(r"(?<=\()(?P<it>[\w>.\-]+, [\w>.\-]+)(?=[,)])")


def language_of(file: str) -> str:
    return "cython" if file.endswith((".pyx", ".pxi")) else "c"


def without_comments(language: str, text: str) -> str:
    """Comments, strings and directives are blank."""
    return re.sub(
        NOT_CODE[language], lambda found: re.sub(r"[^\n]", " ", found[0]), text, flags=re.S | re.M
    )


def mutants(file: str, text: str) -> list[Mutant]:
    language = language_of(file)
    code = without_comments(language, text)
    heads = [(found.start(), found[1]) for found in FUNCTION[language].finditer(code)]
    made = []
    for operator, start, end, new in sorted(changes(language, code), key=lambda change: change[1]):
        function = next((name for at, name in reversed(heads) if at < start), "")
        line = text.count("\n", 0, start) + 1
        if function and text[start:end] == code[start:end]:  # no comment is in the midst of it
            made.append(Mutant(file, function, line, operator, start, end, text[start:end], new))
    return made


def changes(language: str, code: str) -> Iterator[tuple[str, int, int, str]]:
    nothing, negation = (";", "!({})") if language == "c" else ("pass", "not ({})")
    signs = (("comparison", COMPARISONS), ("arithmetic", ARITHMETIC))
    for operator, known in (
        *signs,
        ("and, or", {"&&": "||", "||": "&&"} if language == "c" else WORDS),
    ):
        pattern = "|".join(sorted(map(re.escape, known), key=len, reverse=True))
        for found in re.finditer(rf"(?<= )(?:{pattern})(?= )", code):
            yield operator, *found.span(), known[found[0]]
    for found in CONDITION[language].finditer(code):
        yield "condition", *found.span("it"), negation.format(found["it"])
    for found in CALL[language].finditer(code):
        yield "dropped call", *found.span("it"), nothing
    for found in STATEMENT[language].finditer(code):
        yield "dropped statement", *found.span("it"), nothing
    for found in NUMBER.finditer(code):
        yield "constant", *found.span("it"), str(int(found["it"]) + 1)
    for found in RETURN[language].finditer(code):
        if re.fullmatch(r"[\w.>-]+", found["it"]) and found["it"] not in NOTHING:
            yield "return", *found.span("it"), "0"
    for found in TWO.finditer(code):
        one, other = found["it"].split(", ")
        if one != other:
            yield "argument order", *found.span("it"), f"{other}, {one}"
