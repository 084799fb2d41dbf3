"""Where all tests run on several versions of Python side by side, the versions share what depends on none of them:
`TESTS_TURN=1/3` is the second of three. Without it every test runs."""

from __future__ import annotations

import os
import zlib

# Of the code generation, the command line, errors, wrong arguments, lost memory, staging, exports and questions, each
# version runs its share of the tests; by file where what takes long is made once for all of a file's.
BY_TEST = (
    "tests/capture/test_known_tables.py",
    "tests/capture/test_redaction.py",
    "tests/cli/test_bad_input.py",
    "tests/cli/test_errors_command.py",
    "tests/cli/test_json_errors.py",
    "tests/cli/test_wrong_command_line.py",
    "tests/codegen/test_audit.py",
    "tests/codegen/test_codegen.py",
    "tests/codegen/test_coverage.py",
    "tests/errors/test_errors.py",
    "tests/errors/test_every_export.py",
    "tests/errors/test_policy.py",
    "tests/explain/",
    "tests/export/",
    "tests/failures/test_lost_mappings.py",
    "tests/session/test_wrong_use.py",
    "tests/staging/",
    "tests/trace/test_ahead.py",
    "tests/trace/test_aligned.py",
    "tests/trace/test_bounds.py",
    "tests/trace/test_call_sums.py",
    "tests/trace/test_compare.py",
    "tests/trace/test_conditions.py",
    "tests/trace/test_contents.py",
    "tests/trace/test_cutting.py",
    "tests/trace/test_expressions.py",
    "tests/trace/test_file_fuzz.py",
    "tests/trace/test_format_classes.py",
    "tests/trace/test_format_globals.py",
    "tests/trace/test_format_machine.py",
    "tests/trace/test_format_values.py",
    "tests/trace/test_history_tables.py",
    "tests/trace/test_hits_at_random.py",
    "tests/trace/test_occurrences.py",
    "tests/trace/test_put_off.py",
    "tests/trace/test_queries_fidelity.py",
    "tests/trace/test_query_fuzz.py",
    "tests/trace/test_redacted_parts.py",
    "tests/trace/test_second_reader.py",
    "tests/trace/test_value_search.py",
)
BY_FILE = (
    "tests/bugs/",
    "tests/capture/test_scope_rules.py",
    "tests/cli/test_durations.py",
    "tests/cli/test_screen.py",
    "tests/cli/test_sql.py",
    "tests/codegen/test_format.py",
    "tests/dap/",
    "tests/docs/",
    "tests/mcp/",
    "tests/packaging/test_sdist.py",
    "tests/session/test_jupyter.py",
    "tests/testing/test_pytest_plugin.py",
    "tests/testing/test_unittest.py",
    "tests/trace/test_every_question.py",
    "tests/view/",
)


def is_our_turn(name: str) -> bool:
    """Whether what has this name is for the Python that runs."""
    number, _, count = os.environ.get("TESTS_TURN", "0/1").partition("/")
    return zlib.crc32(name.encode()) % int(count) == int(number)


def is_ours(test: str) -> bool:
    """Whether this Python runs the test of this node id."""
    if test.startswith(BY_FILE):
        return is_our_turn(test.partition("::")[0])
    return not test.startswith(BY_TEST) or is_our_turn(test)
