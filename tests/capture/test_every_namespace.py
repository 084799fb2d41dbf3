"""Globals, class bodies and the types of values, however they change: against what the program itself saw."""

from __future__ import annotations

import gc
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import recorder

# One line each, of a function with the globals `a = 1; b = [2]`. `here` is their dict, `kept` a copy of it.
OF_GLOBALS = {
    "assigned": "global a; a = 5",
    "deleted": "global a; del a",
    "new": "global c; c = 5",
    "deleted and another added": "global a, c; del a; c = 5",
    "deleted and added again": "global a; del a; a = 6",
    "swapped": "global a, b; a, b = b, a",
    "by its dict": "here['a'] = 5",
    "deleted from its dict": "del here['a']",
    "popped": "here.pop('a')",
    "update": "here.update(a=5, c=6)",
    "update by a dict": "here.update({'a': 5, 'b': 6})",
    "|=": "here.__ior__({'a': 5, 'c': 6})",
    "setdefault": "here.setdefault('c', 5)",
    "__init__": "here.__init__(a=5)",
    "cleared": "here.clear()",
    "cleared and filled": "here.clear(); here.update(kept, a=5)",
    "cleared and filled with others": "here.clear(); here.update(kept, c=5); here.pop('a')",
    "cleared and filled with the same": "here.clear(); here.update(kept)",
    "cleared and copied into": "here.clear(); here.update(others)",
    "cleared twice": "here.clear(); here.update(a=5); here.clear(); here.update(b=6)",
    "the last one": "here.popitem()",
    "in place": "b.append(3)",
    "in place, by another name": "here['b'].append(3)",
    "of a name that is no identifier": "here['a b'] = 5",
    "by exec": "exec('a = 5; c = 6', here)",
    "by exec, deleted": "exec('del a', here)",
    "by exec with a copy": "exec('a = 5', dict(here)) or here.update(c=6)",
}  # fmt: skip
FUNCTIONS = """
def change(told, here, kept, others):
    told()
    CHANGE
    told()
    told is None and b
def look(told):
    told()
    told is None and b
"""
# Lines of a class body that has `a = 1; b = [2]`.
OF_A_CLASS_BODY = {
    "assigned": "a = 5",
    "deleted": "del a",
    "new": "c = 5",
    "deleted and another added": "del a; c = 5",
    "two deleted and others added": "del a, b; c = 5; d = 6",
    "deleted and added again": "del a; a = 5",
    "deleted and added again in another order": "del a, b; b = 3; a = 4",
    "in place": "b.append(3)",
    "by its dict": "locals()['c'] = 5",
    "deleted from its dict": "locals().pop('a')",
    "cleared": "(lambda here, told: (here.clear(), here.update(told=told, c=5)))(locals(), told)",
    "in a loop": "for c in range(3): d = c",
    "swapped": "a, b = b, a",
}  # fmt: skip
BODY = """
class C:
    a, b, told = 1, [2], told
    told(locals())
    CHANGE
    told(locals())
    end = 1
"""


def shown(names: Any) -> dict[str, str]:
    """What counts of a namespace, in words."""
    known = ("a", "b", "c", "d", "a b")
    return {name: repr(value) for name, value in names.items() if name in known}


def told_lines(text: str) -> list[int]:
    lines = enumerate(text.splitlines(), 1)
    return [number for number, line in lines if line.lstrip().startswith("told(")]


Told = list[tuple[str, dict[str, str]]]  # by whom, and what it saw


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Any, Any]]:
    """Of every change and moment: what the program saw, and what is recorded at that line."""
    folder = tmp_path_factory.mktemp("namespaces")
    told: Told = []
    with recorder.record(folder / "p.rtrace", min_free_space=0, exclude=[__file__]):
        for change, text in OF_GLOBALS.items():
            run_functions(
                f"globals, {change}", compiled(FUNCTIONS, text, folder / "globals.py"), told
            )
        for change, text in OF_A_CLASS_BODY.items():
            tell = lambda names, change=change: told.append((f"class body, {change}", shown(names)))  # noqa: E731
            exec(compiled(BODY, text, folder / "body.py"), {"__name__": "bodies", "told": tell})
    found = []
    with recorder.open_trace(folder / "p.rtrace") as trace:
        for event in trace.find(kind="line"):
            of_body = event.file.endswith("body.py") and event.function.name == "C"
            if of_body and event.line in told_lines(BODY):
                found.append(shown(event.locals))
            elif event.file.endswith("globals.py") and event.line in told_lines(FUNCTIONS):
                found.append(shown(event.globals))
    return [(*one, seen) for one, seen in zip(told, found, strict=True)]


def compiled(text: str, change: str, path: Path) -> types.CodeType:
    return compile(text.replace("CHANGE", change), str(path), "exec", dont_inherit=True)


def run_functions(name: str, code: types.CodeType, told: Told) -> None:
    """The same two functions, with the globals of three modules in turn."""
    change, look = (one for one in code.co_consts if isinstance(one, types.CodeType))
    modules = [{"__name__": f"m{n}", "a": n, "b": [n]} for n in range(3)]

    def teller(here: dict[str, Any]) -> Callable[[], None]:
        return lambda: told.append((name, shown(here)))

    for n in (0, 1, 0, 2, 1):
        types.FunctionType(look, modules[n])(teller(modules[n]))
        if n != 0:
            others = {"b": 7, "c": 8}
            here = modules[n]
            types.FunctionType(change, here)(teller(here), here, dict(here), others)
            modules[n] |= {"a": n, "b": [n]}
    for here in modules:
        types.FunctionType(look, here)(teller(here))


@pytest.mark.parametrize("change", OF_GLOBALS)
def test_globals_are_those_of_the_dict_whatever_happens_to_it(
    recorded: list[tuple[str, Any, Any]], change: str
) -> None:
    cases = [(told, seen) for name, told, seen in recorded if name == f"globals, {change}"]
    assert [seen for _, seen in cases] == [told for told, _ in cases]
    assert len(cases) == 14


@pytest.mark.parametrize("change", OF_A_CLASS_BODY)
def test_a_class_body_has_the_names_that_its_dict_has(
    recorded: list[tuple[str, Any, Any]], change: str
) -> None:
    [before, after] = [one[1:] for one in recorded if one[0] == f"class body, {change}"]
    assert before[0] == before[1]
    assert after[0] == after[1] != before[1]


def test_a_body_tells_what_changed_since_it_began(tmp_path: Path) -> None:
    """Not what others made of the same globals before it."""
    here: dict[str, Any] = {"__name__": "several"}
    texts = ["a = 1\nb = [2]", "b = 3", "a = 4\nc = 5"]
    with recorder.record(tmp_path / "p.rtrace", min_free_space=0, exclude=[__file__]):
        for n, text in enumerate(texts):
            exec(compiled(text, "", tmp_path / f"body{n}.py"), here)
    told: dict[str, list[dict[str, str]]] = {}
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        for event in trace.events():
            told.setdefault(Path(event.file).name, []).append(shown(event.changed))
    assert told == {
        "body0.py": [{}, {}, {"a": "1"}, {"b": "[2]"}],
        "body1.py": [{}, {}, {"b": "3"}],
        "body2.py": [{}, {}, {"a": "4"}, {"c": "5"}],
    }


# ---- classes ------------------------------------------------------------------------------------

# Of two classes, of which the second may be made where the first was: name, module, bases and body.
CLASSES: dict[str, list[tuple[str, str, tuple[type, ...], dict[str, Any]]]] = {
    "another name": [("A", "m", (), {}), ("B", "m", (), {})],
    "another module": [("A", "m", (), {}), ("A", "n", (), {})],
    "another base": [("A", "m", (list,), {}), ("A", "m", (dict,), {})],
    "slots": [("A", "m", (), {}), ("A", "m", (), {"__slots__": ("x",)})],
    "other slots": [("A", "m", (), {"__slots__": ("x",)}), ("A", "m", (), {"__slots__": ("y",)})],
    "fields": [("A", "m", (tuple,), {}), ("A", "m", (tuple,), {"_fields": ("x",)})],
    "another name of an exception": [("A", "m", (ValueError,), {}), ("B", "m", (ValueError,), {})],
}  # fmt: skip


def hold(value: Any) -> None:
    pass


@pytest.mark.parametrize("case", CLASSES)
def test_a_class_is_not_taken_for_one_that_was_at_its_address(tmp_path: Path, case: str) -> None:
    expected, addresses = [], set()
    gc.freeze()  # what there is need not be looked through each time
    with recorder.record(tmp_path / "p.rtrace", min_free_space=0):
        for name, module, bases, body in CLASSES[case] * 8:
            made = type(name, bases, {"__module__": module, **body})
            one = made([1]) if tuple in bases else made()
            names = [
                n for n in ("x", "y") if n in body.get("__slots__", "x") and tuple not in bases
            ]
            for attribute in names:
                try:
                    setattr(one, attribute, 5)
                except AttributeError:
                    pass
            hold(one)
            addresses.add(id(made))
            expected.append(f"{module}.{name}")
            del made, one
            gc.collect()
    gc.unfreeze()
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        found = [event.locals["value"] for event in trace.find(kind="call", function="hold")]
        assert [one.type_name for one in found] == expected
        if case == "fields":
            assert [str(one) for one in found] == ["m.A((1,))", "m.A(x=1)"] * 8
    assert len(addresses) < 8, "no class was made where another had been"
