"""Where two of the traces that are shown differ."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from recorder.cli import diff
from recorder.trace.compare import Comparison
from recorder.trace.reader import Trace, open_trace
from recorder.view.parameters import Parameters

ROWS: Final = 200  # differences at most


def differences(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """As `recorder diff --json` has them. `other`: the path of the other trace. `more`: whether there are more."""
    with open_trace(asked.needed("other")) as other:
        comparison = Comparison(trace, other)
        found = list(islice(comparison.differences(), ROWS + 1))
        more = len(found) > ROWS
        return {
            "rows": [diff.as_json(one) for one in found[:ROWS]],
            "summary": diff.summary(comparison, min(len(found), ROWS), more),
        }
