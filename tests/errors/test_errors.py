"""The exceptions: what they carry, what they can be caught as, and that they survive a journey."""

from __future__ import annotations

import asyncio
import builtins
import copy
import errno
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import jsonschema
import pytest

from codegen import table
from recorder import errors
from recorder.errors import base, conversion

ROOT = Path(__file__).resolve().parents[2]
TABLE = table.load(ROOT / table.TABLE)
ROWS = {row.name: row for row in TABLE.rows}
SCHEMA = json.loads((ROOT / "recorder/errors/diagnostic.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
VALUES = {"str": "a text", "int": 7, "float": 0.5, "bool": True}

every_row = pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.name)


def class_of(row: table.Row) -> type[errors.RecorderError]:
    return errors.class_for(row.number)


def example(row: table.Row) -> errors.RecorderError:
    """The exception of a row with every fact it knows, and every other field set."""
    facts = {key: VALUES[kind] for key, kind in row.context.items() if key != "number"}
    return class_of(row)(
        errno=errno.EIO,
        trace_path="/t/a.rtrace",
        trace_state="partial",
        events_lost=3,
        **facts,
    )


def same(one: errors.RecorderError, other: errors.RecorderError) -> bool:
    names = (
        "message context errno path number trace_path trace_state events_lost args error_name "
        "exit_code code kind"
    ).split()
    return type(one) is type(other) and all(getattr(one, n) == getattr(other, n) for n in names)


# ---------------------------------------------------------------------------------- class and facts


@every_row
def test_the_class_says_what_the_row_says(row: table.Row) -> None:
    cls = class_of(row)
    kind = TABLE.kind_of(row)
    assert cls is getattr(errors, row.exception)
    assert cls.code is errors.ErrorCode(row.number) is errors.ErrorCode[row.name]
    assert cls.code.error_name == cls.error_name == f"ERR_{row.name}"
    assert cls.kind is errors.ErrorKind(row.number // 1000) is cls.code.kind
    assert cls.exit_code == kind.exit_code
    assert issubclass(cls, getattr(errors, kind.exception))
    assert (cls.title, cls.template, cls.hint) == (row.title, row.message, row.hint)
    assert (cls.on_error, cls.override) == (row.on_error, row.override)
    assert (cls.retriable, cls.trace_effect) == (row.retriable, row.trace_effect)
    assert cls.doc_url.endswith(f"#err_{row.name.lower()}")


@every_row
def test_the_message_is_the_template_with_the_facts(row: table.Row) -> None:
    error = example(row)
    facts = {key: VALUES[kind] for key, kind in row.context.items()} | {"number": row.number}
    assert error.message == f"{row.message.format(**facts)} (EIO: {os.strerror(errno.EIO)})"
    assert str(error) == f"[ERR_{row.name}] {error.message}"
    assert str(error) == str(example(row))


@every_row
def test_missing_and_strange_facts_never_blow_up_the_raise(row: table.Row) -> None:
    bare = class_of(row)()
    assert str(bare) == str(class_of(row)())
    names = set(table.placeholders(row.message)) - {"number"}
    assert bare.message.count("?") == row.message.count("?") + len(names)

    class Hostile:
        def __str__(self) -> str:
            raise AssertionError("code of the program ran")

        __repr__ = __format__ = __fspath__ = __index__ = __str__

    strange = class_of(row)(**dict.fromkeys(row.context.keys() - {"number"}, Hostile()))
    assert str(strange)
    json.dumps(strange.to_dict())


@every_row
def test_it_can_be_caught_as_the_builtin(row: table.Row) -> None:
    with pytest.raises(getattr(builtins, row.also)) as caught:
        raise example(row)
    assert isinstance(caught.value, errors.RecorderError)


@every_row
def test_the_documentation_has_its_anchor_once(row: table.Row) -> None:
    page = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    assert page.count(f'<a id="{class_of(row).doc_url.partition("#")[2]}">') == 1


def test_there_is_a_class_for_every_code_and_no_other() -> None:
    codes = {code.value for code in errors.ErrorCode}
    assert codes == {row.number for row in TABLE.rows}
    assert {number: errors.class_for(number).number for number in codes} == {n: n for n in codes}


def test_the_enum_of_the_core_is_the_enum_of_python() -> None:
    status = pytest.importorskip("recorder._core.status", reason="the core is not built")
    expected = {f"ERR_{code.name}": code.value for code in errors.ErrorCode}
    outcomes = {outcome.name: outcome.number for outcome in TABLE.outcomes}
    assert status.numbers() == {"OK": 0} | outcomes | expected


def test_an_oserror_carries_errno_filename_and_strerror() -> None:
    with pytest.raises(OSError) as caught:
        raise errors.DiskFullError(path=Path("/a/b"), free_bytes=0)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == "/a/b"
    assert caught.value.strerror == os.strerror(errno.ENOSPC)
    assert caught.value.args == (errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_that_is_not_found_is_one() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        raise errors.ScriptNotFoundError(path="app.py")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, "app.py")


def test_a_module_that_is_not_found_has_its_name() -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        raise errors.TargetModuleNotFoundError(module="nowhere")
    assert caught.value.name == "nowhere"


def test_an_oserror_without_errno_has_a_message_all_the_same() -> None:
    error = errors.ShortWriteError(path="/a", bytes_wanted=9, bytes_written=4)
    assert isinstance(error, OSError)
    assert error.errno is None
    assert error.args == ("4 of 9 bytes were written to /a",)
    assert error.filename == error.path == "/a"


def test_the_message_says_what_the_system_said_unless_the_code_does() -> None:
    error = errors.OpenFailedError(path="/x", errno=errno.ELOOP)
    assert error.message == f"/x could not be opened (ELOOP: {os.strerror(errno.ELOOP)})"
    assert errors.DiskFullError(path="/x", errno=errno.ENOSPC).message == "no space is left for /x"
    assert errors.DiskFullError(path="/x").message == "no space is left for /x"
    assert "(99999: " in errors.InputOutputError(path="/x", operation="read", errno=99999).message


def test_an_explicit_message_wins_over_the_template() -> None:
    error = errors.InvalidArgumentError("x must be 1", argument="x", value="2")
    assert str(error) == "[ERR_INVALID_ARGUMENT] x must be 1"
    assert error.context == {"argument": "x", "value": "2"}


def test_a_message_is_one_printable_line() -> None:
    error = errors.TraceNotFoundError(path="/a\nb\x1b[31m\udce9é")
    assert error.message == r"there is no trace at /a\nb\x1b[31m\udce9é"
    assert error.path == "/a\nb\x1b[31m\udce9é"


FACTS = {
    "true": (True, True),
    "int": (-3, -3),
    "enum": (errors.ErrorCode.DISK_FULL, 2001),
    "huge int": (1 << 10_000, "<int of 10001 bits>"),
    "float": (0.25, 0.25),
    "nan": (float("nan"), "nan"),
    "inf": (float("-inf"), "-inf"),
    "text": ("é\udc80", "é\udc80"),
    "long text": ("x" * 10_000, "x" * 499 + "…"),
    "bytes": (b"/\xff", "/\udcff"),
    "path": (Path("a/b"), "a/b"),
    "list": ([1], "<list>"),
    "class": (dict, "<type>"),
}


@pytest.mark.parametrize("case", FACTS)
def test_facts_are_json_scalars(case: str) -> None:
    given, kept = FACTS[case]
    error = errors.RecorderError(fact=given)
    assert error.context == {"fact": kept}
    assert type(error.context["fact"]) in (bool, int, float, str)
    assert json.loads(json.dumps(error.context)) == error.context


def test_none_is_no_fact() -> None:
    assert errors.DiskFullError(path=None).context == {}
    assert errors.DiskFullError(path=None).message == "no space is left for ?"


def test_pattern_matching_by_code_and_context() -> None:
    match errors.DiskFullError(path="/a"):
        case errors.RecorderError(errors.ErrorCode.DISK_FULL, {"path": path}):
            assert path == "/a"
        case _:
            pytest.fail("did not match")


def test_exception_groups_are_split_by_class_and_by_builtin() -> None:
    group = ExceptionGroup(
        "two", [errors.DiskFullError(path="/a"), errors.InvalidArgumentError(argument="b")]
    )
    seen = []
    try:
        raise pickle.loads(pickle.dumps(group))
    except* OSError as disk:
        seen += disk.exceptions
    except* errors.RecorderUsageError as usage:
        seen += usage.exceptions
    assert [type(e) for e in seen] == [errors.DiskFullError, errors.InvalidArgumentError]


def test_a_code_is_known_without_a_class_of_its_own() -> None:
    for cls in (errors.RecorderError, errors.RecorderInternalError):
        assert cls("x").code is errors.ErrorCode.UNKNOWN
        assert str(cls("x")) == "[ERR_UNKNOWN] x"
    assert errors.RecorderUsageError.kind is errors.ErrorKind.USAGE
    assert errors.RecorderUsageError.exit_code == 2


def test_an_unknown_number_is_kept_as_it_is() -> None:
    error = errors.from_number(2999)
    assert type(error) is errors.UnknownFailureError
    assert error.number == error.context["number"] == 2999
    assert error.code is errors.ErrorCode.UNKNOWN
    assert str(error) == "[ERR_UNKNOWN] failure number 2999 is not known to this version"
    assert pickle.loads(pickle.dumps(error)).number == 2999
    assert errors.RecorderError.from_dict(error.to_dict()).number == 2999


# ----------------------------------------------------------------------------------------- journeys


@every_row
def test_pickling_keeps_everything(row: table.Row) -> None:
    error = example(row)
    error.add_note("a note")
    error.mine = [1, 2]  # type: ignore[attr-defined]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        back = pickle.loads(pickle.dumps(error, protocol))
        assert same(back, error), protocol
        assert back.__notes__ == ["a note"], protocol
        assert back.mine == [1, 2], protocol


@every_row
def test_copies_are_equal_and_independent(row: table.Row) -> None:
    error = example(row)
    for back in (copy.copy(error), copy.deepcopy(error)):
        assert same(back, error)
        back.context["more"] = 1
        assert "more" not in error.context


def test_everything_but_the_cause_survives_a_pickle() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "full", "/a")
        except OSError as exc:
            raise errors.from_oserror(exc, operation="write") from exc
    except errors.RecorderError as exc:
        error = exc
    assert isinstance(error.__cause__, OSError)
    back = pickle.loads(pickle.dumps(error))
    assert same(back, error)
    assert back.__cause__ is None


def test_a_pool_brings_it_home() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with pytest.raises(errors.DiskFullError) as caught:
            pool.apply(errors.fail, (2001,), {"path": "/a", "errno": errno.ENOSPC})
    assert same(caught.value, errors.DiskFullError(path="/a"))


def test_an_executor_brings_it_home() -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        future = executor.submit(errors.fail, 1012, path="/a")
        assert same(future.exception(), errors.TraceNotFoundError(path="/a"))


@every_row
def test_a_diagnostic_is_valid_and_comes_back(row: table.Row) -> None:
    error = example(row)
    diagnostic = error.to_dict(run_id="r", trace_id="t", events=9, disposition="disable")
    VALIDATOR.validate(diagnostic)
    assert same(errors.RecorderError.from_dict(json.loads(json.dumps(diagnostic))), error)


def test_a_diagnostic_tells_the_causes() -> None:
    error = errors.SealerFailedError(reason="x")
    error.__cause__ = OSError(errno.EIO, "broken")
    error.__cause__.__cause__ = KeyError("k")
    assert error.to_dict()["causes"] == [
        {"type": "OSError", "detail": "[Errno 5] broken"},
        {"type": "KeyError", "detail": "'k'"},
    ]


# --------------------------------------------------------------------------------------- conversion


ONE_OF_MANY = {
    "disk full": (errno.ENOSPC, "write", "DISK_FULL"),
    "disk full while renaming": (errno.ENOSPC, "rename", "DISK_FULL"),
    "quota": (errno.EDQUOT, "write", "QUOTA_EXCEEDED"),
    "permission": (errno.EACCES, "mkdir", "PERMISSION_DENIED"),
    "not permitted": (errno.EPERM, "rename", "PERMISSION_DENIED"),
    "read-only": (errno.EROFS, "mkdir", "READ_ONLY_FILESYSTEM"),
    "too large": (errno.EFBIG, "write", "FILE_TOO_LARGE"),
    "too many": (errno.EMFILE, "open", "TOO_MANY_FILES"),
    "too many in the system": (errno.ENFILE, "open", "TOO_MANY_FILES"),
    "memory": (errno.ENOMEM, "mmap", "OUT_OF_MEMORY"),
    "name": (errno.ENAMETOOLONG, "mkdir", "NAME_TOO_LONG"),
    "write": (errno.EIO, "write", "WRITE_FAILED"),
    "read": (errno.EIO, "read", "READ_FAILED"),
    "open": (errno.ELOOP, "open", "OPEN_FAILED"),
    "fsync": (errno.EIO, "fsync", "FSYNC_FAILED"),
    "close": (errno.EIO, "close", "CLOSE_FAILED"),
    "rename": (errno.EBUSY, "rename", "RENAME_FAILED"),
    "rename to a folder": (errno.EISDIR, "publish", "DESTINATION_IS_DIRECTORY"),
    "remove": (errno.EBUSY, "unlink", "REMOVE_FAILED"),
    "remove a folder": (errno.ENOTEMPTY, "rmdir", "REMOVE_FAILED"),
    "reserve": (errno.EOPNOTSUPP, "fallocate", "RESERVE_FAILED"),
    "map": (errno.ENODEV, "mmap", "MAP_FAILED"),
    "folder": (errno.ENOENT, "mkdir", "DIRECTORY_CREATE_FAILED"),
    "staging is there": (errno.EEXIST, "mkdir", "STAGING_EXISTS"),
    "staging is gone": (errno.ENOENT, "rename", "STAGING_LOST"),
    "trace": (errno.ENOENT, "open_trace", "TRACE_NOT_FOUND"),
    "trace below a file": (errno.ENOTDIR, "open_trace", "TRACE_NOT_FOUND"),
    "script": (errno.ENOENT, "script", "SCRIPT_NOT_FOUND"),
    "processes": (errno.EAGAIN, "fork", "SEALER_START_FAILED"),
    "diagnostics": (errno.EPIPE, "diagnostics", "DIAGNOSTICS_UNWRITABLE"),
    "neither": (errno.EXDEV, "link", "IO_ERROR"),
    "no errno": (None, "link", "IO_ERROR"),
    "an errno nobody knows": (4242, "link", "IO_ERROR"),
}


@pytest.mark.parametrize("case", ONE_OF_MANY)
def test_errno_and_operation_select_the_code(case: str) -> None:
    number, operation, name = ONE_OF_MANY[case]
    original = OSError(number, "text", "/a") if number is not None else OSError("text")
    error = errors.from_oserror(original, operation=operation, path="/a")
    assert error.code.name == name
    assert error.context["operation"] == operation
    assert error.path == "/a"
    if number is not None:
        assert error.errno == number


def test_the_path_of_the_oserror_is_kept_when_none_is_given() -> None:
    try:
        Path("/nowhere/at/all").read_bytes()
    except OSError as exc:
        assert errors.from_oserror(exc, operation="read").path == "/nowhere/at/all"


class HostileError(Exception):
    def __str__(self) -> str:
        raise AssertionError("code of the program ran")

    __repr__ = __str__


# What it becomes where ours ran into it, and where code of the program's did that we had called.
FOREIGN = {
    "memory": (MemoryError(), "OUT_OF_MEMORY", "OUT_OF_MEMORY"),
    "recursion": (RecursionError("deep"), "STACK_EXHAUSTED", "STACK_EXHAUSTED"),
    "encoding": ("\ud800", "ENCODER_FAILED", "CALLBACK_FAILED"),
    "import": (ModuleNotFoundError("no", name="x"), "DEPENDENCY_MISSING", "CALLBACK_FAILED"),
    "oserror": (OSError(errno.ENOSPC, "x"), "DISK_FULL", "CALLBACK_FAILED"),
    "anything": (KeyError("k"), "INTERNAL", "CALLBACK_FAILED"),
    "hostile": (HostileError("said"), "INTERNAL", "CALLBACK_FAILED"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_exceptions_become_ours(case: str) -> None:
    exc, outside, inside = FOREIGN[case]
    if isinstance(exc, str):
        with pytest.raises(UnicodeEncodeError) as caught:
            exc.encode()
        exc = caught.value
    assert errors.from_exception(exc, operation="stop").code.name == outside
    assert errors.from_exception(exc, operation="line", in_callback=True).code.name == inside


def test_a_foreign_exception_is_told_without_running_its_code() -> None:
    error = errors.from_exception(HostileError("said", object()), operation="stop")
    assert error.message == "unexpected HostileError in stop: said"


def test_ours_stays_what_it_is() -> None:
    error = errors.DiskFullError(path="/a")
    assert errors.from_exception(error) is error
    assert errors.from_oserror(error, operation="read") is error


@pytest.mark.parametrize(
    "control", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError]
)
def test_control_flow_of_the_program_passes_through(control: type[BaseException]) -> None:
    original = control("x")
    with pytest.raises(control) as caught:
        errors.from_exception(original)
    assert caught.value is original
    with pytest.raises(control) as caught, errors.mapped("write"):
        raise original
    assert caught.value is original
    assert caught.value.__cause__ is None


@pytest.mark.provokes("IO_ERROR")
def test_a_real_failure_that_no_row_foresaw_is_the_fallback() -> None:
    with pytest.raises(errors.InputOutputError) as caught, errors.mapped("readlink"):
        os.readlink("/")
    assert (caught.value.errno, caught.value.path) == (errno.EINVAL, "/")


@pytest.mark.provokes("DEPENDENCY_MISSING")
def test_a_library_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(ImportError) as caught, errors.mapped("read a trace"):
        __import__("no_such_library")
    assert type(caught.value) is errors.DependencyMissingError
    assert caught.value.name == "no_such_library"


@pytest.mark.provokes("INTERNAL")
def test_mapped_turns_whatever_goes_wrong_into_ours() -> None:
    with pytest.raises(errors.WriteFailedError) as caught, errors.mapped("write", path="/a"):
        raise OSError(errno.EIO, "x")
    assert caught.value.path == "/a"
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(errors.UnexpectedError) as other, errors.mapped("write"):
        raise KeyError("k")
    assert other.value.message == "unexpected KeyError in write: 'k'"
    with pytest.raises(errors.TraceBusyError) as ours, errors.mapped("write"):
        raise errors.TraceBusyError(path="/a", target_pid=9)
    assert ours.value.__cause__ is None


class Fault:
    """As the core has it: an object with fields."""

    status = 2001
    errno = errno.ENOSPC
    stage = 3
    offset = 0
    event = 77
    wanted = 4096
    got = 0
    detail = "/a/segment-1"


@pytest.mark.parametrize("form", ["object", "mapping"])
def test_a_fault_becomes_an_exception(form: str) -> None:
    mapping = {name: getattr(Fault, name) for name in vars(Fault) if name[0] != "_"}
    error = errors.from_fault(Fault() if form == "object" else mapping)
    assert type(error) is errors.DiskFullError
    assert error.errno == errno.ENOSPC
    assert error.path == "/a/segment-1"
    assert error.context == {
        "path": "/a/segment-1",
        "bytes_wanted": 4096,
        "free_bytes": 0,
        "event": 77,
        "operation": "rotate",
        "stage": "rotate",
    }


@every_row
def test_every_code_can_arrive_as_a_bare_fault(row: table.Row) -> None:
    error = errors.from_fault({"status": row.number})
    assert type(error) is class_of(row)
    assert str(error)


@every_row
def test_a_full_fault_fills_what_the_row_says(row: table.Row) -> None:
    fault = {"wanted": 11, "got": 22, "offset": 33, "event": 44, "stage": 5, "detail": "word"}
    error = errors.from_fault({"status": row.number, **fault})
    for fact, source in row.fault.items():
        assert error.context[fact] == fault[source]
    if "path" in row.context:
        assert error.path == "word"
    if row.origin in ("core", "sealer"):
        assert "?" not in error.message
    assert "word" in error.context.values()


@every_row
def test_a_failure_of_the_sealers_crosses_the_control_page(row: table.Row) -> None:
    """As a fault it loses no fact that its message needs."""
    if not {"sealer", "core"} & {row.origin} and row.name not in SEALER_TOO:
        return
    facts = {key: VALUES[kind] for key, kind in row.context.items() if key != "number"}
    if "operation" in facts:
        facts["operation"] = "fsync"
    if "limit" in facts:
        facts |= {"limit": "max_bytes", "unit": "bytes"}
    error = class_of(row)(errno=errno.EIO, **facts)
    back = errors.from_fault({"status": row.number, **errors.to_fault(error)})
    assert back.message == error.message


# Failures of other origins that the sealer meets, too.
SEALER_TOO = {
    "TRACE_CORRUPT",
    "TRACE_BUSY",
    "PERMISSION_DENIED",
    "IO_ERROR",
    "READ_ONLY_FILESYSTEM",
} | {
    "TOO_MANY_FILES",
    "DEPENDENCY_MISSING",
    "OPEN_FAILED",
    "READ_FAILED",
    "INTERNAL",
    "STAGING_EXISTS",
}


def test_every_placeholder_of_a_hot_row_can_be_filled_from_a_fault() -> None:
    for row in TABLE.rows:
        if row.hot:
            filled = {"path", "number", "operation", "unit", *row.fault}
            assert set(table.placeholders(row.message)) <= filled, row.name


@pytest.mark.provokes("UNKNOWN")
def test_a_fault_of_another_version_keeps_its_number() -> None:
    error = errors.from_fault({"status": 2999, "errno": 5})
    assert (error.number, error.errno) == (2999, 5)
    assert error.code is errors.ErrorCode.UNKNOWN


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        (True, "True"),
        (12, "12"),
        ("a\n", r"'a\n'"),
        (b"\xff", r"b'\xff'"),
        (1 << 9999, "<int of 10000 bits>"),
        (HostileError, "<type>"),
        (HostileError("x"), "<HostileError>"),
        (["x"], "<list>"),
    ],
)
def test_values_are_described_without_running_their_code(value: object, shown: str) -> None:
    assert errors.describe(value) == shown


# -------------------------------------------------------------------------------- RecordingAborted


def run(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_an_aborted_recording_unwinds_like_an_exit() -> None:
    done = run(
        "from recorder import errors\n"
        "try:\n"
        "    try:\n"
        "        raise errors.RecordingAborted(errors.DiskFullError(path='/a'))\n"
        "    except Exception:\n"
        "        print('swallowed')\n"
        "finally:\n"
        "    print('unwound')\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (10, "unwound\n", "")


@every_row
def test_an_aborted_recording_carries_its_failure(row: table.Row) -> None:
    error = example(row)
    aborted = errors.RecordingAborted(error)
    assert isinstance(aborted, SystemExit)
    assert aborted.error is error
    assert aborted.code == error.exit_code
    assert str(aborted) == str(error)
    back = pickle.loads(pickle.dumps(aborted))
    assert same(back.error, error)
    assert back.code == error.exit_code


# ------------------------------------------------------------------------------------------- import


def test_importing_it_leaves_nothing_else_behind() -> None:
    done = run(
        "import sys; before = set(sys.modules)\n"
        "from recorder import errors\n"
        "errors.DiskFullError; errors.from_fault\n"
        "new = set(sys.modules) - before - {'__future__'}\n"
        "print(sorted(name for name in new if name.partition('.')[0] != 'recorder'))\n"
        "print('recorder.errors.codes' in sys.modules)\n"
    )
    assert (done.stdout, done.stderr) == ("[]\nFalse\n", "")


def test_a_traceback_shows_code_and_message() -> None:
    try:
        raise errors.TraceBusyError(path="/a", target_pid=9)
    except errors.RecorderError as exc:
        last = traceback.format_exception_only(exc)[-1]
    assert last == (
        "recorder.errors.classes.TraceBusyError: "
        "[ERR_TRACE_BUSY] /a is being written by process 9\n"
    )


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'NoSuchError'"):
        errors.NoSuchError
    assert conversion.errno_name(errno.ENOSPC) == "ENOSPC"
    assert base.errno_number("ENOSUCH") is None
