import assert from "node:assert/strict";
import { test } from "node:test";
import { recorderCommand } from "../command";
import { testAt, testConfiguration } from "../tests";

const TEXT = `import x

def helper():
    return 1

def test_first():
    a = 1

    assert a


class TestCart:
    def setup(self):
        pass

    @mark
    async def test_total(self):
        def inner():
            return 2
        assert inner()

    class TestDeep:
        def test_it(self): pass

def test_last(
    a,
):
    assert a
`.split("\n");

const expected: Record<string, string[] | undefined> = {
  "import x": undefined,
  "    return 1": undefined,
  "def test_first():": ["test_first"],
  "    a = 1": ["test_first"],
  "    assert a": ["test_first"],
  "        pass": undefined,
  "    async def test_total(self):": ["TestCart", "test_total"],
  "            return 2": ["TestCart", "test_total"],
  "        assert inner()": ["TestCart", "test_total"],
  "        def test_it(self): pass": ["TestCart", "TestDeep", "test_it"],
};

for (const [line, names] of Object.entries(expected)) {
  test(`the test at: ${line.trim()}`, () => {
    assert.deepEqual(testAt(TEXT, TEXT.indexOf(line)), names);
  });
}

test("an empty line belongs to the test above", () => {
  assert.deepEqual(testAt(TEXT, TEXT.indexOf("    a = 1") + 1), ["test_first"]);
});

test("what is beyond the text is in no test", () => {
  assert.equal(testAt([], 0), undefined);
  assert.equal(testAt(["x"], 7), undefined);
});

test("pytest is told of the test by its id, and the session begins in it", () => {
  const made = testConfiguration("/p/test_a.py", ["TestCart", "test_total"], "/p", ["-x"], "t.rtrace");
  assert.deepEqual(made.args, ["-x", "/p/test_a.py::TestCart::test_total"]);
  assert.equal(made.entry, "TestCart.test_total");
});

test("the recorder is an interpreter's, or a command of its own", () => {
  assert.deepEqual(recorderCommand([], "python3", "dap"), { file: "python3", args: ["-m", "recorder", "dap"] });
  assert.deepEqual(recorderCommand(["uv", "run", "recorder"], "python3", "dap"), { file: "uv", args: ["run", "recorder", "dap"] });
});
