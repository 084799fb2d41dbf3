"""Tensors of torch, where it is installed: shape, dtype, device, items; what changes them; and which are not read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import recorder
from tests.capture.test_known_types import record_values

torch = pytest.importorskip("torch")

SHOWN = {
    "torch.tensor([1.5, 2.0])": "torch.Tensor(shape=(2,), dtype=float32, [1.5, 2.0])",
    "torch.tensor([[1, 2], [3, 4]]).t()": "torch.Tensor(shape=(2, 2), dtype=int64, [1, 3, 2, 4])",
    "torch.arange(10)[3:7:2]": "torch.Tensor(shape=(2,), dtype=int64, [3, 5])",
    "torch.tensor(5)": "torch.Tensor(shape=(), dtype=int64, [5])",
    "torch.tensor([True])": "torch.Tensor(shape=(1,), dtype=bool, [True])",
    "torch.tensor([1 + 2j])": "torch.Tensor(shape=(1,), dtype=complex64, [(1+2j)])",
    "torch.tensor([1.5], dtype=torch.bfloat16)": "torch.Tensor(shape=(1,), dtype=bfloat16, [1.5])",
    "torch.tensor([1.1], dtype=torch.float16)": "torch.Tensor(shape=(1,), dtype=float16, [1.1])",
    "torch.tensor([7], dtype=torch.uint8).expand(3)": "torch.Tensor(shape=(3,), dtype=uint8, [7, 7, 7])",
    "torch.zeros(1, 1, 1, 1, 1, 2)": "torch.Tensor(shape=(1, 1, 1, 1, 1, 2), dtype=float32, [0.0, 0.0])",
    "torch.tensor([7], dtype=torch.uint16)": "torch.Tensor(shape=(1,), dtype=uint16, [7])",
    "torch.tensor([1 + 2j]).conj().resolve_conj()": "torch.Tensor(shape=(1,), dtype=complex64, [(1-2j)])",
    "torch.zeros(0, 3)": "torch.Tensor(shape=(0, 3), dtype=float32, [])",
    "torch.nn.Parameter(torch.ones(1))": "torch.nn.parameter.Parameter(shape=(1,), dtype=float32, [1.0])",
    "torch.tensor([1 + 2j]).conj()": "torch.Tensor(shape=(1,), dtype=complex64)",
    "torch.tensor([1 + 2j]).conj().imag": "torch.Tensor(shape=(1,), dtype=float32)",
    "torch.ones(3, device='meta')": "torch.Tensor(shape=(3,), dtype=float32, device='meta')",
    "torch.empty(3).share_memory_()": "torch.Tensor(shape=(3,), dtype=float32)",
}  # fmt: skip

OPAQUE = "<torch.Tensor object, of a layout that is not known>"
NOT_READ = ("torch.eye(2).to_sparse()", "torch.tensor([1.0]).to(torch.float8_e5m2)")


def test_values(tmp_path: Path) -> None:
    found = record_values(tmp_path, [eval(text, {"torch": torch}) for text in SHOWN])
    assert dict(zip(SHOWN, map(str, found), strict=True)) == SHOWN
    for text, each in list(zip(SHOWN, found, strict=True))[:14]:
        value = eval(text, {"torch": torch})
        assert torch.equal(each.to_python(), value.detach()), text
    assert found[0][1] == 2.0 and len(found[0]) == 2


def test_those_of_other_kinds_are_told_by_their_type(tmp_path: Path) -> None:
    found = record_values(tmp_path, [eval(text, {"torch": torch}) for text in NOT_READ])
    assert {str(each) for each in found} == {OPAQUE}


@pytest.mark.parametrize("dimensions", [63, 64, 65])
def test_as_many_dimensions_as_there_is_room_for(tmp_path: Path, dimensions: int) -> None:
    shape = (*[1] * (dimensions - 1), 2)
    [found] = record_values(tmp_path, [torch.zeros(shape)])
    known = f"torch.Tensor(shape={shape}, dtype=float32, [0.0, 0.0])"
    assert str(found) == (known if dimensions <= 64 else OPAQUE)


def test_changes(tmp_path: Path) -> None:
    program = "import torch\ndef f():\n    it = torch.ones(2)\n    it[1] = 9\n    it.mul_(2)\n    return it\nf()"
    code = compile(program, str(tmp_path / "tensor.py"), "exec", dont_inherit=True)
    with recorder.record(tmp_path / "t.rtrace", min_free_space=0, include=["*tensor.py"]):
        exec(code, {"__name__": "__main__"})
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        parts = [
            (part.named("it"), part.a, part.b)
            for step in trace.watch("it", function="f")
            for part in step.parts
        ]
    assert parts[-3:] == [("it[1]", 1.0, 9.0), ("it[0]", 1.0, 2.0), ("it[1]", 9.0, 18.0)]


def test_no_code_of_a_class_or_a_mode_runs(tmp_path: Path) -> None:
    """A class that decides what its tensors are is not read; a mode does not see that one is looked at."""
    program = """
import torch
from torch.overrides import TorchFunctionMode
asked = []
class Mine(torch.Tensor): pass
class Mode(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        asked.append(function)
        return function(*args, **(kwargs or {}))
class Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls): return torch.Tensor._make_wrapper_subclass(cls, (2,))
    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None): raise SystemExit
    def __repr__(self): raise SystemExit
mine = torch.ones(1).as_subclass(Mine)
wrapper = Wrapper()
plain = torch.ones(1)
"""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(program, names)
    with names["Mode"]():
        names["asked"].clear()
        found = record_values(tmp_path, [names["mine"], names["wrapper"], names["plain"]])
        asked = list(names["asked"])
    assert asked == []
    assert str(found[0]) == "__main__.Mine(shape=(1,), dtype=float32, [1.0])"
    assert str(found[1]).endswith("object, of a layout that is not known>")
    assert str(found[2]) == "torch.Tensor(shape=(1,), dtype=float32, [1.0])"


def test_a_layout_that_is_not_the_known_one_makes_values_opaque(tmp_path: Path) -> None:
    """A process of its own, for what has been proved once stays. The size of the object is another one, as where C++'s
    part of it begins elsewhere."""
    program = """
import ctypes, sys, torch
from pathlib import Path
from tests.capture.test_known_types import record_values
value = torch.ones(2)
size = ctypes.c_ssize_t.from_address(id(torch._C.TensorBase) + 32)  # tp_basicsize
kept = size.value
size.value = 40 if kept >= 48 else 48
try:
    [found] = record_values(Path(sys.argv[1]), [value])
finally:
    size.value = kept
print(found)
[found] = record_values(Path(sys.argv[2]), [value])
print(found)
"""
    for name in "ab":
        (tmp_path / name).mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a"), str(tmp_path / "b")],
        capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "<torch.Tensor object, of a layout that is not known>",
        "torch.Tensor(shape=(2,), dtype=float32, [1.0, 1.0])",
    ], done.stderr
