"""Instances of classes that are derived from one of the standard library's that keeps all in attributes, as Fraction
and Path do: what they are derived from, as it would be by itself, and the attributes of their own."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from recorder.trace.format import TAG_INSTANCE, Form
from recorder.trace.values.nodes import Node
from recorder.trace.values.tables import is_form

PATH: Final = (
    "_drv", "_root", "_parts", "_str", "_hash", "_pparts", "_cached_cparts", "_raw_path", "_raw_paths", "_tail_cached",
    "_parts_normcase_cached", "_str_normcase_cached", "_lines_cached", "_info",
)  # fmt: skip
NETWORK: Final = (
    "_ip", "_scope_id", "_prefixlen", "network", "network_address", "netmask", "hostmask", "broadcast_address",
)  # fmt: skip
# What each keeps in attributes, in any version of Python.
KEPT: Final = {
    "fractions": ("_numerator", "_denominator"),
    "uuid": ("int", "is_safe"),
    "pathlib": PATH,
    "ipaddress": NETWORK,
    "collections": ("maps", "data"),
}
FLAVOURED: Final = {"Path": "PosixPath", "PurePath": "PurePosixPath"}  # which has none of itself


class Derived(NamedTuple):
    base: Node  # an instance of the class that it is derived from
    own: list[tuple[str, Any]]


def is_derived(tree: Any) -> bool:
    return (
        isinstance(tree, Node)
        and tree.tag == TAG_INSTANCE
        and bool(tree.items)
        and is_form(tree.items[0][1], Form.DERIVED)
    )


def derived(tree: Any) -> Derived | None:
    """None for what is nothing of the kind."""
    if not is_derived(tree):
        return None
    said = tree.items[0][1].items[:1]
    module, _, name = said[0].rpartition(".") if said and isinstance(said[0], str) else ("", "", "")
    if module not in KEPT:
        return None
    kept = [pair for pair in tree.items[1:] if pair[0] in KEPT[module]]
    own = [pair for pair in tree.items[1:] if pair[0] not in KEPT[module]]
    cut = (
        tree.cut and not own
    )  # what is missing comes last, and so is its own where some of that is there
    base = Node(TAG_INSTANCE, (module, FLAVOURED.get(name, name)), len(kept) + cut, kept, cut)
    return Derived(base, own)
