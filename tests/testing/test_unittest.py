"""unittest's tests, and doctest's and Django's, which are such: what is kept of which test, and what is said of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import recorder
from recorder import cli
from tests.conftest import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import doctest, unittest

class Cart:
    def __init__(self):
        self.items = []

    def add(self, price):
        self.items.append(price)
        return sum(self.items)

def total(prices):
    '''
    >>> total([1, 2])
    4
    '''
    return sum(prices)

class TestCart(unittest.TestCase):
    def setUp(self):
        self.cart = Cart()

    def tearDown(self):
        put_away = True

    def test_passes(self):
        self.assertEqual(self.cart.add(1), 1)

    def test_wrong_value(self):
        for price in range(3):
            total = self.cart.add(price)
        self.assertEqual(total, 4)

    def test_part(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertNotEqual(n, 1)

    @unittest.expectedFailure
    def test_passes_unexpectedly(self):
        pass

    @unittest.expectedFailure
    def test_fails_as_expected(self):
        self.assertEqual(self.cart.add(1), 2)

    @unittest.skip("not now")
    def test_skipped(self):
        pass

class TestBroken(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = {"host": 1}["port"]

    def test_never_runs(self):
        pass

def load_tests(loader, tests, pattern):
    tests.addTests(doctest.DocTestSuite())
    return tests
"""
CASE = "test_shop.TestCart."
KEPT = {
    f"{CASE}test_wrong_value", f"{CASE}test_part", f"{CASE}test_passes_unexpectedly", "test_shop.total",
    "setUpClass (test_shop.TestBroken)",
}  # fmt: skip
# With a runner that knows nothing of recordings, in a process of its own for half of them.
MIXED = """
import multiprocessing, unittest
from recorder.testing.unit import RecordedTests
from test_shop import Cart

class TestMixed(RecordedTests, unittest.TestCase):
    def test_passes(self):
        self.assertEqual(Cart().add(1), 1)

    def test_wrong(self):
        self.assertEqual(Cart().add(1), 2)

class TestBelow(TestMixed):
    pass

def run(case):
    return len(unittest.defaultTestLoader.loadTestsFromTestCase(case).run(unittest.TestResult()).failures)

if __name__ == "__main__":
    here = run(TestMixed)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print(here, pool.map(run, [TestBelow]))
"""
DJANGO = {
    "settings.py": """
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
TEST_RUNNER = "recorder.testing.django.Runner"
""",
    "shop/__init__.py": "",
    "shop/tests.py": """
from django.test import SimpleTestCase

class TestOne(SimpleTestCase):
    def test_passes(self):
        pass

    def test_wrong(self):
        found = 1
        self.assertEqual(found, 2)

class TestTwo(SimpleTestCase):
    def test_error(self):
        raise KeyError("port")

class TestBroken(SimpleTestCase):
    @classmethod
    def setUpClass(cls):
        raise ValueError("first")

    def test_never_runs(self):
        pass

class TestBrokenToo(TestBroken):
    @classmethod
    def setUpClass(cls):
        raise ValueError("second")
""",
}


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**ENVIRONMENT, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100)


def recordings(folder: Path) -> dict[str, Path]:
    """The traces there, by the tests that they are of."""
    found = {}
    for path in (folder / ".recordings").glob("*.rtrace"):
        with recorder.open_trace(path) as trace:
            assert trace.verify().damage == []
            found[trace.meta["test"]["id"]] = path
    assert not list((folder / ".recordings").glob(".session*"))
    return found


class Session:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plain = run(folder, "-m", "unittest", "-v", "test_shop")
        self.run = run(folder, "-m", "recorder", "unittest", "-v", "test_shop")
        self.traces = recordings(folder)

    def said(self, test: str) -> list[str]:
        section = self.run.stderr.partition(" recordings ")[2]
        return section.partition(f"\n{test}\n")[2].partition("\n\n")[0].splitlines()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "test_shop.py").write_text(TESTS)
    return Session(folder)


def test_failing_tests_have_a_trace_each_and_others_none(session: Session) -> None:
    assert set(session.traces) == KEPT
    for name, functions in {
        "test_wrong_value": {"setUp", "test_wrong_value", "tearDown", "__init__", "add"},
        "test_part": {"setUp", "test_part", "tearDown", "__init__"},
    }.items():
        with recorder.open_trace(session.traces[CASE + name]) as trace:
            assert {event.function.name for event in trace.events()} == functions
    with recorder.open_trace(session.traces["setUpClass (test_shop.TestBroken)"]) as trace:
        assert trace[-1].kind == "unwind"


def test_the_report_tells_what_led_to_the_failure(session: Session) -> None:
    said = session.said(f"{CASE}test_wrong_value")
    assert said[0].startswith("  .recordings/test_shop.TestCart.test_wrong_value.rtrace  ")
    assert any("self = Cart(items=[0, 1, 2])" in line for line in said)
    assert "raise TestCart.test_wrong_value ! AssertionError('3 != 4')" in said[-2]
    assert "raise TestCart.test_part ! AssertionError('1 == 1')" in "".join(
        session.said(f"{CASE}test_part")
    )
    assert "return total → 3" in "".join(session.said("test_shop.total"))
    assert "KeyError('port')" in session.said("setUpClass (test_shop.TestBroken)")[-2]


def test_the_summary_of_a_ci_job_tells_it_again(
    session: Session, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    assert cli.main(["ci-report", str(session.folder / ".recordings")]) == 0
    said = capfd.readouterr().out
    for test in KEPT - {f"{CASE}test_passes_unexpectedly"}:
        assert test in said
    assert "KeyError('port')" in said and "AssertionError('3 != 4')" in said


def test_outcomes_and_output_are_those_without_it(session: Session) -> None:
    recorded, _, _ = session.run.stderr.partition("=" * 29 + " recordings ")
    assert untimed(recorded) == untimed(session.plain.stderr)
    assert (
        "Ran 6 tests" in recorded or "Ran 7 tests" in recorded
    )  # with what setUpClass kept from running
    assert (session.run.returncode, session.run.stdout) == (1, session.plain.stdout)


def untimed(text: str) -> str:
    return re.sub(r"(?m) in [\d.]+s$", "", text)


def test_what_is_asked_for_is_kept(session: Session, tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(TESTS)
    one = "test_shop.TestCart.test_passes"
    done = run(tmp_path, "-m", "recorder", "unittest", "--record=all", "--recordings-dir=kept", one)
    assert (done.returncode, done.stdout) == (0, "")
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {".gitignore", f"{one}.rtrace"}
    wrong = "test_shop.TestCart.test_wrong_value"
    done = run(tmp_path, "-m", "recorder", "unittest", "--record", "none", wrong)
    assert (done.returncode, " recordings " in done.stderr) == (1, False)
    done = run(tmp_path, "-m", "recorder", "unittest", "--recordings-budget=1", "--", wrong)
    assert "its recording was larger than what all may take" in done.stderr
    assert recordings(tmp_path) == {}


def test_a_mixin_does_it_with_any_runner_and_in_processes_below(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(TESTS)
    (tmp_path / "mixed.py").write_text(MIXED)
    done = run(tmp_path, "mixed.py")
    assert done.stdout == "1 [1]\n"
    found = recordings(tmp_path)
    assert set(found) == {"__main__.TestMixed.test_wrong", "__main__.TestBelow.test_wrong"}
    assert done.stderr.count("raise TestMixed.test_wrong ! AssertionError('1 != 2')") == 2
    done = run(tmp_path, "mixed.py", RECORDER_UNITTEST="none")
    assert (done.stdout, done.stderr) == ("1 [1]\n", "")
    done = run(tmp_path, "mixed.py", RECORDER_UNITTEST="some")
    (line,) = [line for line in done.stderr.splitlines() if "RECORDER_UNITTEST" in line]
    assert line.startswith("recorder: RECORDER_UNITTEST is 'some', and not one of ")


def test_a_module_that_cannot_be_imported_has_a_trace_that_says_why(tmp_path: Path) -> None:
    """No code of the program's runs in the test that unittest makes of it."""
    (tmp_path / "test_absent.py").write_text("import nothing_of_this_name")
    done = run(tmp_path, "-m", "recorder", "unittest", "test_absent")
    assert done.returncode == 1
    assert set(recordings(tmp_path)) == {"unittest.loader._FailedTest.test_absent"}
    assert (
        "    none of your own code ran in its call\n    ! ImportError('Failed to import"
        in done.stderr
    )


@pytest.mark.needs("django", "tblib")
@pytest.mark.parametrize("options", [(), ("--parallel", "2")])
def test_djangos_runner(tmp_path: Path, options: tuple[str, ...]) -> None:
    for name, text in DJANGO.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    done = run(tmp_path, "-m", "django", "test", *options, DJANGO_SETTINGS_MODULE="settings")
    assert done.returncode == 1
    assert "FAILED (failures=1, errors=3)" in done.stderr
    assert set(recordings(tmp_path)) == {
        "shop.tests.TestOne.test_wrong",
        "shop.tests.TestTwo.test_error",
        "setUpClass (shop.tests.TestBroken)",
        "setUpClass (shop.tests.TestBrokenToo)",
    }
    assert done.stdout.count(" recordings ====") == 1
    assert "found = 1" in done.stdout
    assert "KeyError('port')" in done.stdout
