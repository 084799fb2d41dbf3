"""Values of numpy and pandas made anew, by these themselves: where they are not installed, none can be made."""

from __future__ import annotations

import array
import importlib
import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from recorder import errors
from recorder.trace.format import TAG_ARRAY, Form
from recorder.trace.values import datetimes, periods, records
from recorder.trace.values.nodes import CannotMake, Node, without_wrapping
from recorder.trace.values.tables import (
    ARRAYS,
    TEXTS,
    Column,
    column_of,
    filling_of,
    frame_of,
    frequency_of,
    is_form,
    is_scalar,
    labels,
    length_of,
    range_of,
)

Build: TypeAlias = Callable[[Any], Any]

LONG_SCALARS: Final = (
    ("numpy", "longdouble"),
    ("numpy", "clongdouble"),
)  # of which Python has no equal
MASKED: Final = ("IntegerArray", "FloatingArray", "BooleanArray")


def make_library_value(node: Node, build: Build) -> Any:
    """The object. Raises CannotMake, or whatever the library does."""
    return MAKERS[node.size or 0](node, build)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise CannotMake from exc


# ---- moments --------------------------------------------------------------------------------------------------------


def _datetime64(node: Node, build: Build) -> Any:
    number, dtype = node.items
    known = datetimes.unit_of(dtype)
    if known is None:
        raise CannotMake
    is_duration, count, unit = known
    numpy = _library("numpy")
    make = numpy.timedelta64 if is_duration else numpy.datetime64
    said = "NaT" if number == datetimes.NOT_A_TIME else number
    return make(said, f"{count}{unit}" if count != 1 else unit) if unit else make(said)


def _unit(number: Any) -> str:
    if not isinstance(number, int) or not 0 <= number < len(datetimes.UNITS):
        raise CannotMake
    return datetimes.UNITS[number]


def _timestamp(node: Node, build: Build) -> Any:
    number, unit, zone = node.items
    pandas, numpy = _library("pandas"), _library("numpy")
    made = pandas.Timestamp(numpy.datetime64(number, _unit(unit)))
    zone = build(zone)
    return made if zone is None else made.tz_localize("UTC").tz_convert(zone)


def _timedelta(node: Node, build: Build) -> Any:
    number, unit = node.items
    return _library("pandas").Timedelta(_library("numpy").timedelta64(number, _unit(unit)))


def _missing(node: Node, build: Build) -> Any:
    pandas = _library("pandas")
    return pandas.NaT if node.type and node.type[1].startswith("NaT") else pandas.NA


def _period(node: Node, build: Build) -> Any:
    number, name = node.items[0], periods.facts_of(node.items[1])[1]
    if name is None:
        raise CannotMake
    pandas = _library("pandas")
    return (
        pandas.NaT if number == datetimes.NOT_A_TIME else pandas.Period(ordinal=number, freq=name)
    )


def _period_dtype(node: Node, build: Build) -> Any:
    return _library("pandas").PeriodDtype(periods.facts_of(node)[1])


def _dtype(node: Node, build: Build) -> Any:
    [text] = node.items
    if text[1:2] == "V":
        raise CannotMake  # its fields are not in it
    return _library("numpy").dtype(text)


def _interval(node: Node, build: Build) -> Any:
    left, right, closed = map(build, node.items)
    return _library("pandas").Interval(left, right, closed=closed)


# Steps of time that are told whole by how many of them there are.
STEPS: Final = (
    "Day", "Hour", "Minute", "Second", "Milli", "Micro", "Nano", "MonthEnd", "MonthBegin", "BusinessMonthEnd",
    "BusinessMonthBegin", "BusinessDay",
)  # fmt: skip


def _offset(node: Node, build: Build) -> Any:
    count, normalize = node.items
    name = (node.type or ("", ""))[1]
    if name not in STEPS:
        raise CannotMake  # C keeps more of it
    made = getattr(_library("pandas").offsets, name)
    return made(count, normalize=True) if normalize is True else made(count)


# ---- arrays ----------------------------------------------------------------------------------------------------------


def make_array(node: Node) -> Any:
    """An array of Python's or of numpy's, of these bytes; None where it is not whole, or numpy is not there."""
    facts = node.items
    if node.type == ("array", "array") and not facts.cut:
        made = array.array(facts.typecode)
        made.frombytes(facts.data)
        return made
    is_scalar_of_c = node.type in LONG_SCALARS and not facts.shape
    if (
        not (is_scalar_of_c or node.type == ("numpy", "ndarray"))
        or facts.cut
        or facts.items() is None
    ):
        return None
    try:
        numpy = _library("numpy")
        dtype = _dtype_of(numpy, facts.format, facts.item_size)
        if dtype.itemsize != facts.item_size:
            return None
        made = numpy.frombuffer(facts.data, dtype).reshape(facts.shape).copy()
        return made[()] if is_scalar_of_c else made
    except (CannotMake, TypeError, ValueError):
        return None


MASKED_CONSTANTS: Final = (("numpy.ma", "MaskedConstant"), ("numpy.ma.core", "MaskedConstant"))


def make_masked(node: Node, build: Build) -> Any:
    """An array of numpy.ma, or what stands in it for what is masked; None where not all is there, or no numpy."""
    if node.type in MASKED_CONSTANTS:
        return _library("numpy.ma").masked
    attributes = dict(node.items)
    array, mask = (without_wrapping(attributes.get(name)) for name in ("", "_mask"))
    if not isinstance(array, Node) or not isinstance(mask, Node) or mask.tag != TAG_ARRAY:
        return None
    as_plain, plain_mask = (one._replace(type=("numpy", "ndarray")) for one in (array, mask))
    hidden = make_array(plain_mask)
    made = build(as_plain) if is_form(array, *ARRAYS) else make_array(as_plain)
    if made is None or hidden is None:
        return None
    return _library("numpy.ma").MaskedArray(made, mask=hidden)


COMPLEX: Final = {"Zf": "c8", "Zd": "c16", "Zg": "G"}


def _dtype_of(numpy: Any, form: str, item_size: int) -> Any:
    """Of a format of the buffer protocol, as far as it is a number, a text or a moment, or records of these."""
    if "T{" in form:
        return _dtype_of_records(numpy, records.fields_of(form), item_size)
    plain = form.lstrip("@=<")
    order, plain = ">" if plain.startswith(">") else "", plain.removeprefix(">")
    if plain[-1:] in ("w", "s"):
        plain = f"{'U' if plain[-1] == 'w' else 'S'}{plain[:-1] or 1}"
    return numpy.dtype(order + COMPLEX.get(plain, plain))


def _dtype_of_records(numpy: Any, fields: list[records.Field], size: int) -> Any:
    formats = [
        _dtype_of_field(numpy, field, field.size // math.prod(field.shape, start=1))
        for field in fields
        if math.prod(field.shape)
    ]
    if len(formats) < len(fields):
        raise CannotMake
    if any(made.itemsize != field.size for made, field in zip(formats, fields, strict=True)):
        raise CannotMake
    names, offsets = [field.name for field in fields], [field.offset for field in fields]
    return numpy.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


def _dtype_of_field(numpy: Any, field: records.Field, size: int) -> Any:
    one = (
        _dtype_of_records(numpy, field.fields, size)
        if field.fields
        else _dtype_of(numpy, field.format, size)
    )
    return numpy.dtype((one, field.shape)) if field.shape else one


def _tensor(node: Node, build: Build) -> Any:
    """By torch, where it is installed; else lists of its items."""
    dtype, _, array, _ = node.items
    items = array.items.nested()
    if items is None:
        raise CannotMake
    try:
        torch = _library("torch")
    except CannotMake:
        return items
    return torch.tensor(items, dtype=getattr(torch, dtype)).reshape(array.items.shape)


def _schema(node: Node, build: Build) -> Any:
    names, texts = (build(part) for part in node.items)
    pyarrow = _library("pyarrow")
    fields = [_arrow_type(pyarrow, text.removesuffix(" not null")) for text in texts]
    kind = (node.type or ("", ""))[1]
    if not names and kind != "Schema":
        return fields[0]
    made = [
        pyarrow.field(name, each, nullable=not text.endswith(" not null"))
        for name, each, text in zip(names, fields, texts, strict=True)
    ]
    return made[0] if kind == "Field" else pyarrow.schema(made)


def _arrow_type(pyarrow: Any, text: str) -> Any:
    """As far as it has no parts."""
    match = re.fullmatch(r"timestamp\[(\w+), tz=(.+)\]", text)
    if match is not None:
        return pyarrow.timestamp(match[1], tz=match[2])
    match = re.fullmatch(r"(decimal\d+)\((\d+), (-?\d+)\)", text)
    if match is not None:
        return getattr(pyarrow, match[1])(int(match[2]), int(match[3]))
    match = re.fullmatch(r"fixed_size_binary\[(\d+)\]", text)
    if match is not None:
        return pyarrow.binary(int(match[1]))
    return pyarrow.type_for_alias(text)


# ---- columns, frames ----------------------------------------------------------------------------------------


def _string_array(node: Node, build: Build) -> Any:
    shape, items, _, *missing = (build(part) for part in node.items)
    numpy = _library("numpy")
    dtype = (
        numpy.dtypes.StringDType(na_object=missing[0]) if missing else numpy.dtypes.StringDType()
    )
    return numpy.array(items, dtype=dtype).reshape(shape)


def _object_array(node: Node, build: Build) -> Any:
    shape, items, _ = node.items
    numpy = _library("numpy")
    made = numpy.empty(build(shape), dtype=object)
    made.reshape(-1)[:] = [*build(items), None][:-1]
    return made


def _column(node: Node, build: Build) -> Any:
    column = column_of(node)
    if column is None:
        raise CannotMake
    is_of_arrow = column.kind[0].partition(".")[0] == "pyarrow" or node.items[6:] in (
        ["scalar"],
        ["arrow"],
    )
    if is_of_arrow or column.kind[1].startswith("ArrowExtension"):
        made = _arrow_array(node, build)
        if column.kind[1].startswith("ArrowExtension"):
            return _library("pandas").arrays.ArrowExtensionArray(made)
        if is_scalar(node):
            return made[0]
        return (
            _library("pyarrow").chunked_array([made]) if column.kind[1] == "ChunkedArray" else made
        )
    return _values(column, node.items[4], build, node.items[6] if len(node.items) > 6 else None)


def make_spread(node: Node, build: Build) -> Any:
    """An array of intervals, or a sparse one."""
    column = column_of(node)
    if column is None or column.missing:
        raise CannotMake
    pandas = _library("pandas")
    values = [build(value) for value in column.first]
    if column.dtype == "interval":
        return pandas.arrays.IntervalArray(values)
    filling = build(filling_of(node))
    return pandas.arrays.SparseArray(values, fill_value=filling)


def _values(column: Column, about: Any, build: Build, variant: Any) -> Any:
    pandas, numpy = _library("pandas"), _library("numpy")
    values = [build(value) for value in column.first]
    kind = column.kind[1]
    if kind == "Categorical":
        known = [None if value is pandas.NA else value for value in values]
        return pandas.Categorical(known, categories=build(about), ordered=variant == "ordered")
    if kind in TEXTS:
        return pandas.array(
            [None if value is pandas.NA else value for value in values],
            dtype="string" if variant == "string" else "str",
        )
    if kind in MASKED:
        return pandas.array(values, dtype=_nullable(column.dtype))
    if is_form(about, Form.PERIOD_DTYPE):
        return pandas.array(values, dtype=build(about))
    if about is not None:
        return pandas.array(values)
    if column.dtype == "object":
        made = numpy.empty(len(values), dtype=object)
        made[:] = values
        return made
    return numpy.array(values, dtype=column.dtype)


def _nullable(dtype: str) -> str:
    """Of int64 Int64, as pandas calls the one that can be missing."""
    if dtype == "bool":
        return "boolean"
    return f"UI{dtype[2:]}" if dtype.startswith("uint") else dtype.capitalize()


def _index(node: Node, build: Build) -> Any:
    name, values = node.items[:2]
    pandas = _library("pandas")
    if range_of(values) is None:
        made = pandas.Index(build(values), name=build(name))
        step = frequency_of(node)
        return made if step is None else _with_frequency(made, step, build)
    return pandas.RangeIndex(build(values), name=build(name))


def _with_frequency(made: Any, step: Node, build: Build) -> Any:
    """The step from one moment of an index to the next."""
    try:
        return type(made)(made, freq=build(step))
    except (errors.ValueUnreadableError, ValueError):  # the moments are there, without it
        return made


def _multi_index(node: Node, build: Build) -> Any:
    rows, names = labels(node), list(build(node.items[0]))
    if rows is None or len(rows) != length_of(node):
        raise CannotMake
    return _library("pandas").MultiIndex.from_tuples([build(row) for row in rows], names=names)


def _series(node: Node, build: Build) -> Any:
    index, name, values = node.items
    return _library("pandas").Series(build(values), index=build(index), name=build(name))


def _arrow_table(node: Node, build: Build) -> Any:
    _, names, values = node.items
    pyarrow = _library("pyarrow")
    columns = [_arrow_array(part, build) for part in values.items]
    kind = pyarrow.RecordBatch if node.type and node.type[1] == "RecordBatch" else pyarrow.Table
    return kind.from_arrays(columns, names=build(names))


def _arrow_array(part: Any, build: Build) -> Any:
    """Of the values of a column of Arrow's. Its type is that of the numbers; else what pyarrow makes of such values."""
    column = column_of(part)
    if column is None:
        raise CannotMake
    if column.missing and part.cut:
        return build(part)  # which says that it was too large
    if column.missing:
        raise CannotMake
    values = [None if is_form(value, Form.MISSING) else build(value) for value in column.first]
    pyarrow = _library("pyarrow")
    called = re.sub("(Array|Scalar)$", "", column.kind[1])
    return _as_called(pyarrow, _of_values(pyarrow, part, column, values), called)


# Of classes of pyarrow's that say which type their values are of: the function that makes it.
TYPES_OF_ARROW: Final = {
    "LargeString": "large_string",
    "LargeBinary": "large_binary",
    "StringView": "string_view",
    "BinaryView": "binary_view",
}
DECIMALS_OF_ARROW: Final = {"Decimal32": 9, "Decimal64": 18, "Decimal256": 76}
EXTENSIONS_OF_ARROW: Final = {"Uuid": "uuid", "Bool8": "bool8", "Json": "json_"}


def _as_called(pyarrow: Any, made: Any, called: str) -> Any:
    if called == "Dictionary":
        return made.dictionary_encode()
    if called in DECIMALS_OF_ARROW:
        kind = getattr(pyarrow, called.lower())(DECIMALS_OF_ARROW[called], made.type.scale)
    elif called in TYPES_OF_ARROW:
        kind = getattr(pyarrow, TYPES_OF_ARROW[called])()
    elif called in EXTENSIONS_OF_ARROW:
        kind = getattr(pyarrow, EXTENSIONS_OF_ARROW[called])()
        return pyarrow.ExtensionArray.from_storage(kind, made.cast(kind.storage_type))
    elif called == "FixedSizeBinary":
        kind = pyarrow.binary(max((len(value) for value in made.to_pylist() if value), default=0))
    else:
        return made
    return pyarrow.array(made.to_pylist(), type=kind)


def _of_values(pyarrow: Any, part: Any, column: Column, values: list[Any]) -> Any:
    dtype = column.dtype
    if is_time(part):
        return pyarrow.array(values, type=_type_of_times(pyarrow, part))
    if column.kind[1] == "MapArray" or _are_maps(values):
        return pyarrow.array(values, type=_type_of_maps(pyarrow, values))
    if is_form(part, Form.COLUMN) and part.items[4] == "date":
        return pyarrow.array([value and value.item() for value in values], type=pyarrow.date64())
    if dtype == "datetime64[D]":
        return pyarrow.array([value and value.item() for value in values], type=pyarrow.date32())
    if dtype.startswith(("int", "uint", "float", "bool")):
        return pyarrow.array(values, type=pyarrow.type_for_alias(dtype))
    return pyarrow.array(values)


def is_time(part: Any) -> bool:
    """Of times of a day, which Arrow keeps as numbers of a unit."""
    return is_form(part, Form.COLUMN) and str(part.items[4]).startswith("time[")


def _type_of_times(pyarrow: Any, part: Any) -> Any:
    unit = part.items[4][5:-1]
    if unit == "ns" and any(number % 1000 for number in part.items[1].items.items() or []):
        raise CannotMake  # Python has no time of so many digits
    return pyarrow.time32(unit) if unit in ("s", "ms") else pyarrow.time64(unit)


def _are_maps(values: list[Any]) -> bool:
    """Whether they are lists of pairs, as of a column of a table, whose type is not told: structs are dicts."""
    first = next((value for value in values if value), None)
    return isinstance(first, list) and isinstance(first[0], tuple)


def _type_of_maps(pyarrow: Any, values: list[Any]) -> Any:
    """Keys and values are of what pyarrow makes of them."""
    entries = [entry for value in values if value is not None for entry in value]
    keys, items = (pyarrow.array([entry[n] for entry in entries]).type for n in range(2))
    return pyarrow.map_(keys, items)


def _frame(node: Node, build: Build) -> Any:
    frame = frame_of(node)
    if frame is None:
        raise CannotMake
    columns = dict(enumerate(build(node.items[3])))
    made = _library("pandas").DataFrame(columns, index=build(frame.index))
    made.columns = build(node.items[2])
    return made


MAKERS: Final[dict[int, Callable[[Node, Build], Any]]] = {
    Form.DATETIME64: _datetime64,
    Form.TENSOR: _tensor,
    Form.ARROW_SCHEMA: _schema,
    Form.OFFSET: _offset,
    Form.TIMESTAMP: _timestamp,
    Form.TIMEDELTA64: _timedelta,
    Form.MISSING: _missing,
    Form.INTERVAL: _interval,
    Form.PERIOD: _period,
    Form.PERIOD_DTYPE: _period_dtype,
    Form.DTYPE: _dtype,
    Form.OBJECT_ARRAY: _object_array,
    Form.STRING_ARRAY: _string_array,
    Form.COLUMN: _column,
    Form.INDEX: _index,
    Form.MULTI_INDEX: _multi_index,
    Form.ARROW_TABLE: _arrow_table,
    Form.SERIES: _series,
    Form.DATA_FRAME: _frame,
}
