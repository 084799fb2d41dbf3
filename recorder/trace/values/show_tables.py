"""How frames, series, indexes, moments and arrays of objects are shown: in one line, as what they could be made by."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, Final, Protocol

from recorder.trace.format import TAG_INSTANCE, TAG_LIST, Form
from recorder.trace.values import datetimes, long_doubles, masks, periods, zones
from recorder.trace.values.nodes import Node, qualified, short_name, without_wrapping
from recorder.trace.values.numbers import as_shown
from recorder.trace.values.tables import (
    Column,
    column_of,
    filling_of,
    frame_of,
    frequency_of,
    is_form,
    is_instance_of,
    is_plain_index,
    is_scalar,
    is_spread,
    labels,
    length_of,
    with_referred,
)

KINDS: Final = {"i": "int", "u": "uint", "f": "float", "c": "complex", "b": "bool"}
UTC: Final = datetime.timedelta(0)
ARROW_TABLES: Final = (("pyarrow.lib", "Table"), ("pyarrow.lib", "RecordBatch"))


class Writer(Protocol):
    """What render.py writes with."""

    def add(self, text: str) -> None: ...
    def part(self, tree: Any) -> None: ...
    def sequence(self, items: Any, write: Callable[[Any], object]) -> None: ...
    def referred(self, tree: Node) -> Node | None: ...


def _name(node: Node) -> str:
    """`pandas.Series`, wherever a version has it."""
    of = node.type or ("", "?")
    library = of[0].partition(".")[0]
    return f"{library}.{of[1]}" if library in ("pandas", "pyarrow") else qualified(of)


# ---- cells ----------------------------------------------------------------------------------------------------------


def cell(out: Writer, value: Any) -> None:
    """A value that stands in a column, without the name of its type where that is the column's."""
    if is_form(value, Form.DATETIME64, Form.TIMESTAMP, Form.TIMEDELTA64):
        _datetime_in_cell(out, value)
    elif is_form(value, Form.MISSING):
        out.add(_missing(value))
    elif long_doubles.is_long_double(value):
        out.add(long_doubles.shown(value))
    elif is_form(value, Form.PERIOD):
        out.add(_period(value))
    elif is_form(value, Form.INTERVAL):
        _interval_in_cell(out, value)
    else:
        out.part(value)


def _datetime_in_cell(out: Writer, value: Node) -> None:
    """2020-01-01, 2020-01-01 UTC, 2020-01-01 00:00:00+01:00; in UTC where the clock of the zone is not known here."""
    zone = value.items[2] if is_form(value, Form.TIMESTAMP) else None
    text = _time(value, short=zone is None or zones.name_of(zone) == "UTC")
    if zone is None or text == "NaT":
        return out.add(text)
    if zones.name_of(zone) == "UTC":
        return out.add(f"{text} UTC")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return out.add(text + zones.offset_text(_offset(value) or UTC, ":"))


def _period(value: Node) -> str:
    number, dtype = value.items
    return periods.period_text(number, periods.facts_of(dtype)[0])


def _interval_in_cell(out: Writer, value: Node) -> None:
    """(0, 1]."""
    left, right, closed = value.items
    out.add("[" if closed in ("left", "both") else "(")
    cell(out, left)
    out.add(", ")
    cell(out, right)
    out.add("]" if closed in ("right", "both") else ")")


def _missing(node: Node) -> str:
    of = (node.type or ("", "?"))[1]
    return {"NA": "<NA>", "NAType": "<NA>", "NaTType": "NaT", "MaskedConstant": "--"}.get(of, "?")


def _unit(node: Node) -> str:
    """Of a TIMESTAMP or a TIMEDELTA64."""
    unit = node.items[1]
    return (
        datetimes.UNITS[unit] if isinstance(unit, int) and 0 <= unit < len(datetimes.UNITS) else ""
    )


def _offset(node: Node) -> datetime.timedelta | None:
    """Of a TIMESTAMP with a time zone."""
    return zones.offset_at(node.items[0], _unit(node), node.items[2])


def _time(node: Node, short: bool = False) -> str:
    """The text of a moment, as the clock of its time zone shows it, or of a duration."""
    number, unit, *_ = node.items
    if node.size == Form.DATETIME64:
        known = datetimes.unit_of(unit) if isinstance(unit, str) else None
        if known is None:
            return str(number)
        is_duration, count, name = known
        number *= count if number != datetimes.NOT_A_TIME else 1
    else:
        is_duration, name = node.size == Form.TIMEDELTA64, _unit(node)
    if is_duration:
        return datetimes.duration_text(number, name)
    if node.size == Form.TIMESTAMP and number != datetimes.NOT_A_TIME:
        number = zones.local(number, name, _offset(node) or UTC)
    return (
        datetimes.short_datetime(number, name)
        if short
        else datetimes.datetime_text(number, name, " ")
    )


def show_datetime(out: Writer, node: Node) -> None:
    """Timestamp('2020-01-01 00:00:00'), Timestamp('2020-01-01 00:00:00+0100', tz='Europe/Berlin'), and durations."""
    text = _time(node)
    zone = node.items[2] if node.size == Form.TIMESTAMP else None
    if node.size == Form.TIMESTAMP:
        head, _, fraction = text.partition(".")
        digits = 9 if fraction[6:].strip("0") else 6
        text = head + (f".{fraction.ljust(6, '0')[:digits]}" if fraction.strip("0") else "")
    out.add(f"{(node.type or ('', '?'))[1]}('{text}")
    if zone is None:
        return out.add("')")
    out.add(zones.offset_text(_offset(node) or UTC, "") + "', tz=")
    name = zones.name_of(zone)
    out.part(zone if name is None else name)
    return out.add(")")


def show_period(out: Writer, node: Node) -> None:
    """Period('2020-01', 'M')."""
    out.add(f"Period('{_period(node)}', ")
    out.part(periods.facts_of(node.items[1])[1])
    out.add(")")


def show_period_dtype(out: Writer, node: Node) -> None:
    out.add(f"period[{periods.facts_of(node)[1]}]")


def show_dtype(out: Writer, node: Node) -> None:
    """dtype('int64'), dtype('<U3')."""
    [text] = node.items
    out.add(f"dtype({dtype_name(text)!r})")


def dtype_name(text: Any) -> str:
    """Of what `dtype.str` says, as numpy shows it."""
    if not isinstance(text, str):
        return "?"
    kind, size = KINDS.get(text[1:2], ""), text[2:]
    if text[:1] not in ("<", "|") or not kind or not size.isdecimal():
        return "O" if text == "|O" else text
    return kind if kind == "bool" else f"{kind}{8 * int(size)}"


def show_datetime64(out: Writer, node: Node) -> None:
    """np.datetime64('2020-01-01'), np.timedelta64(5,'D')."""
    number, dtype = node.items
    known = datetimes.unit_of(dtype) if isinstance(dtype, str) else None
    if known is None:
        return out.add(f"<{short_name(node)} {number}>")
    is_duration, count, unit = known
    shown_unit = f"{count}{unit}" if count != 1 else unit
    if is_duration:
        value = "'NaT'" if number == datetimes.NOT_A_TIME else number
        return out.add(f"np.timedelta64({value}{f',{shown_unit!r}' if unit else ''})")
    scaled = number if number == datetimes.NOT_A_TIME else number * count
    return out.add(f"np.datetime64('{datetimes.datetime_text(scaled, unit)}')")


def show_missing(out: Writer, node: Node) -> None:
    out.add(_missing(node))


def show_interval(out: Writer, node: Node) -> None:
    left, right, closed = node.items
    out.add("Interval(")
    out.part(left)
    out.add(", ")
    out.part(right)
    out.add(", closed=")
    out.part(closed)
    out.add(")")


def show_offset(out: Writer, node: Node) -> None:
    """<2 * MonthEnds>, as pandas has it."""
    count, normalize = node.items
    name = (node.type or ("", "?"))[1]
    many = isinstance(count, int) and abs(count) != 1
    out.add(f"<{f'{count} * ' if count != 1 else ''}{name}{'s' if many else ''}")
    out.add(": normalize=True>" if normalize is True else ">")


# ---- columns --------------------------------------------------------------------------------------------------------


def _values(out: Writer, column: Column) -> None:
    out.add("[")
    out.sequence(column.first, lambda value: cell(out, as_shown(value, column.dtype)))
    if column.missing or column.last:
        out.add(f"{', ' if column.first else ''}… {column.missing} more")
        for value in column.last:
            out.add(", ")
            cell(out, as_shown(value, column.dtype))
    out.add("]")


def _column(out: Writer, part: Any) -> None:
    """The values of a column, or what else stands there."""
    column = part if isinstance(part, Column) else column_of(with_referred(part, out.referred))
    if part is None:
        out.add("<of a layout that is not known>")
    elif column is None:
        out.part(part)
    else:
        _values(out, column)


def show_column(out: Writer, node: Node) -> None:
    """An array by itself: pandas.Categorical(['a', 'b'])."""
    out.add(f"{_name(node)}(")
    column = column_of(node)
    if is_scalar(node) and column is not None:
        cell(out, as_shown(column.first[0], column.dtype) if column.first else None)
    else:
        _column(out, node)
    out.add(", ordered=True)" if node.items[6:] == ["ordered"] else ")")


def show_unread(out: Writer, node: Node) -> None:
    """`<pyarrow.ListArray, list of size 3>`: values that are not read."""
    called, size = node.items
    if node.type in ARROW_TABLES:  # a column of one
        return out.add(f"<{called} of size {size}>")
    if is_scalar(node) or node.type == ("builtins", "memoryview"):
        return out.add(f"<{_name(node)}, {called}>")
    return out.add(f"<{_name(node)}, {called} of size {size}>")


def show_spread(out: Writer, node: Node) -> bool:
    """An array of pandas' that keeps its values in several others, if all of them are there."""
    if not is_spread(node):
        return False
    out.add(f"{_name(node)}(")
    _column(out, node)
    if is_instance_of(node, "SparseArray"):
        out.add(", fill_value=")
        cell(out, filling_of(node))
    out.add(")")
    return True


def _labels(out: Writer, index: Any) -> None:
    """An index as an argument."""
    if is_form(index, Form.INDEX) and column_of(index) is not None and index.items[0] is None:
        _column(out, index)
    else:
        out.part(index)


def show_index(out: Writer, node: Node) -> None:
    name, values = node.items[:2]
    out.add(f"{_name(node)}(")
    if (
        isinstance(values, Node)
        and values.tag == TAG_INSTANCE
        and values.type == ("builtins", "range")
    ):
        numbers = [part for _, part in values.items]
        out.sequence(numbers[:2] if numbers[-1] == 1 else numbers, out.part)
    else:
        _column(out, values)
    if name is not None:
        out.add(", name=")
        out.part(name)
    if (step := frequency_of(node)) is not None:
        out.add(", freq=")
        out.part(step)
    out.add(")")


def show_series(out: Writer, node: Node) -> None:
    index, name, values = node.items
    out.add(f"{_name(node)}(")
    _column(out, values)
    if name is not None:
        out.add(", name=")
        out.part(name)
    if not is_plain_index(index):
        out.add(", index=")
        _labels(out, index)
    out.add(")")


def show_frame(out: Writer, node: Node) -> None:
    frame = frame_of(node)
    if frame is None:
        return out.add(f"<{_name(node)} object>")
    out.add(f"{_name(node)}({{")

    def pair(at: int) -> None:
        out.part(frame.names[at])
        out.add(": ")
        _column(out, frame.values[at])

    out.sequence(range(len(frame.values)), pair)
    missing = frame.columns - len(frame.values)
    out.add(f", … {missing} more columns}}" if missing > 0 else "}")
    if frame.index is not None and not is_plain_index(frame.index):
        out.add(", index=")
        _labels(out, frame.index)
    return out.add(")")


def show_multi_index(out: Writer, node: Node) -> None:
    """By its rows: pandas.MultiIndex([(1, 'a'), (2, 'b')], names=[…])."""
    out.add(f"{_name(node)}(")
    rows = labels(node)
    if rows is None:
        out.add("…")
    else:
        missing = (length_of(node) or 0) - len(rows)
        out.part(Node(TAG_LIST, None, len(rows) + missing, rows, missing > 0))
    out.add(", names=")
    out.part(without_wrapping(node.items[0]))
    out.add(")")


def show_masked(out: Writer, node: Node) -> bool:
    """An array of numpy.ma, if all of it is there: np.ma.array([1, --, 3])."""
    found = masks.masked_of(node)
    if found is None:
        return False
    out.add(f"np.ma.array({f'shape={found.shape}, ' if len(found.shape) != 1 else ''}[")
    out.sequence(found.items, lambda item: cell(out, item))
    out.add(", …])" if found.is_cut else "])")
    return True


def show_object_array(out: Writer, node: Node) -> None:
    """With the letter that numpy has for its kind of items."""
    shape, items, checksum, *_ = node.items
    letter = "O" if node.size == Form.OBJECT_ARRAY else "T"
    out.add(f"{qualified(node.type or ('', '?'))}(shape=")
    out.part(shape)
    out.add(f", format='{letter}', ")
    out.part(items)
    out.add(")")
    if isinstance(checksum, int):
        out.add(f" (checksum {checksum:015x})")


def show_schema(out: Writer, node: Node) -> None:
    """pyarrow.Schema(id: int64, note: string), pyarrow.Field<id: int64>, pyarrow.DataType(int64)."""
    names, types = ([*part.items] if isinstance(part, Node) else [] for part in node.items)
    kind = (node.type or ("", "?"))[1]
    out.add(f"{_name(node)}{'<' if kind == 'Field' else '('}")
    if not names:
        out.sequence(types, lambda text: out.add(str(text)))
    else:
        out.sequence(
            range(min(len(names), len(types))), lambda n: out.add(f"{names[n]}: {types[n]}")
        )
    missing = (node.items[0].size or 0) - len(names) if names else 0
    out.add(f", … {missing} more" if missing > 0 else "")
    out.add(">" if kind == "Field" else ")")


def show_tensor(out: Writer, node: Node) -> None:
    """torch.Tensor(shape=(2,), dtype=float32, [1.0, 2.0]), torch.Tensor(shape=(2,), dtype=int64, device='cuda:0')."""
    dtype, device, array, checksum = node.items
    facts = without_wrapping(array).items
    out.add(f"{qualified(node.type or ('', '?'))}(shape={facts.shape}, dtype={dtype}")
    if device != "cpu":
        out.add(f", device={device!r}")
    items = facts.items() if facts.data or not facts.length else None
    if items is not None:
        out.add(", [")
        out.sequence(items, lambda item: cell(out, as_shown(item, dtype)))
        out.add(", …]" if facts.cut else "]")
    out.add(")")
    out.add(f" (checksum {checksum:015x})" if isinstance(checksum, int) else "")
