"""Arrays of numpy.ma: which of their items, and of records which of their fields, the mask hides."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from recorder.trace.format import TAG_ARRAY, TAG_FORM, TAG_LIST, TAG_NAMED, Form
from recorder.trace.values.nodes import Node, without_wrapping
from recorder.trace.values.tables import ARRAYS, is_form

MASKED_ARRAYS: Final = (("numpy.ma", "MaskedArray"), ("numpy.ma.core", "MaskedArray"))
MASKED: Final = Node(TAG_FORM, ("numpy.ma.core", "MaskedConstant"), Form.MISSING, [])


class Masked(NamedTuple):
    """What is in an array of numpy.ma, as far as it is there: an item that is hidden is MASKED."""

    shape: tuple[int, ...]
    items: list[Any]
    is_cut: bool
    hides: bool = False  # any of them, or a part of one


def masked_of(tree: Any) -> Masked | None:
    """None for all else, and where it is not known what is hidden."""
    if not isinstance(tree, Node) or tree.type not in MASKED_ARRAYS:
        return None
    attributes = dict(tree.items)
    array, mask = (without_wrapping(attributes.get(name)) for name in ("", "_mask"))
    found = _items_of(array)
    if found is None or not isinstance(mask, Node) or mask.tag != TAG_ARRAY:
        return None
    flags = mask.items.items() or []
    if not mask.items.shape:  # one for all
        flags = flags[:1] * len(found.items)
    if len(flags) < len(found.items):
        return None
    items = [under(item, flag) for item, flag in zip(found.items, flags, strict=False)]
    hides = any(item is not whole for item, whole in zip(items, found.items, strict=True))
    return found._replace(items=items, hides=hides)


def _items_of(array: Any) -> Masked | None:
    if not isinstance(array, Node):
        return None
    if array.tag == TAG_ARRAY:
        items = array.items.items()
        return None if items is None else Masked(array.items.shape, items, array.cut)
    if not is_form(array, *ARRAYS):
        return None
    shape, values = (without_wrapping(part) for part in array.items[:2])
    if not isinstance(shape, Node) or not isinstance(values, Node) or values.tag != TAG_LIST:
        return None
    return Masked(tuple(shape.items), list(values.items), values.cut)


def under(value: Any, flag: Any) -> Any:
    """A value, of which the mask says this: of a record, of each of its fields."""
    if not isinstance(flag, Node):
        return MASKED if flag else value
    if not isinstance(value, Node) or flag.tag not in (TAG_NAMED, TAG_LIST):
        return MASKED if _hides_all(flag) else value
    if _hides_all(flag):
        return MASKED
    if not _hides_any(flag):
        return value
    pairs = zip(value.items, flag.items, strict=False)
    if flag.tag == TAG_LIST:
        return value._replace(items=[under(item, each) for item, each in pairs])
    return value._replace(items=[(name, under(item, each)) for (name, item), (_, each) in pairs])


def _hides_all(flag: Any) -> bool:
    return all(map(_hides_all, _parts(flag))) if isinstance(flag, Node) else bool(flag)


def _hides_any(flag: Any) -> bool:
    return any(map(_hides_any, _parts(flag))) if isinstance(flag, Node) else bool(flag)


def _parts(flag: Node) -> list[Any]:
    return flag.items if flag.tag == TAG_LIST else [part for _, part in flag.items]
