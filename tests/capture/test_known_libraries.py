"""Instances of pydantic, SQLAlchemy and Django, and responses of requests and httpx: what people ask of them is shown,
and nothing is loaded, fetched or told that should not be. Each where its library is installed."""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import decimal
import json
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

with contextlib.suppress(ImportError):
    import pyarrow  # noqa: F401  # whose own threads are there before the first test
with contextlib.suppress(ImportError):
    import polars  # noqa: F401  # likewise

import recorder
from tests.capture.test_known_types import record_values
from tests.conftest import ENVIRONMENT, ROOT


def made_by(program: str, **names: Any) -> dict[str, Any]:
    code = compile(program, "libraries_of_test.py", "exec", dont_inherit=True)
    names["__name__"] = "__main__"
    exec(code, names)
    return names


def test_pydantic(tmp_path: Path) -> None:
    pydantic = pytest.importorskip("pydantic")
    names = made_by(
        """
class Order(pydantic.BaseModel):
    model_config = {"extra": "allow"}
    id: int
    note: str = "x"
    _seen: int = pydantic.PrivateAttr(default=3)
class Login(pydantic.BaseModel):
    password: str
""",
        pydantic=pydantic,
    )
    order, login = names["Order"](id=7, more=1), names["Login"](password="hunter2")
    url = pydantic.AnyUrl("http://shop/")
    found = record_values(tmp_path, [order, login, getattr(url, "_url", url)])
    assert str(found[0]) == "Order(id=7, note='x', more=1, _seen=3)"
    assert str(found[1]) == "Login(password=<redacted>)"
    assert str(found[2]) == "<pydantic_core._pydantic_core.Url: Rust keeps what is in it>"


def test_attrs_and_msgspec(tmp_path: Path) -> None:
    attrs, msgspec = pytest.importorskip("attrs"), pytest.importorskip("msgspec")
    program = """
@attrs.define
class Point:
    x: int
    y: list
class Order(msgspec.Struct):
    note: str
    id: int
"""
    names = made_by(program, attrs=attrs, msgspec=msgspec)
    found = record_values(tmp_path, [names["Point"](1, [2]), names["Order"]("x", 7)])
    assert [str(one) for one in found] == ["Point(x=1, y=[2])", "Order(note='x', id=7)"]


MAPPED = """
from typing import List
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
class Base(DeclarativeBase): pass
class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    password: Mapped[str]
    orders: Mapped[List["Order"]] = relationship(back_populates="user")
class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    total: Mapped[float]
    user: Mapped[User] = relationship(back_populates="orders")
asked = []
engine = sa.create_engine("sqlite://")
sa.event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
Base.metadata.create_all(engine)
session = Session(engine)
session.add(User(name="ada", password="hunter2", orders=[Order(total=9.5)]))
session.commit()
user = session.get(User, 1)
rows = session.execute(sa.select(User.id, User.name, User.password)).all()
asked.clear()
"""


def test_sqlalchemy_names_what_is_not_loaded_and_loads_nothing(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    names = made_by(MAPPED)
    user, rows = names["user"], names["rows"]
    before, row = record_values(tmp_path, [user, rows[0]])
    assert not names["asked"]
    assert sorted(str(before).removeprefix("User(").removesuffix(")").split(", ")) == [
        "id=1", "name='ada'", "orders=<not loaded>", "password=<redacted>",
    ]  # fmt: skip
    assert str(row) == "sqlalchemy.engine.row.Row(id=1, name='ada', password=<redacted>)"
    assert user.orders[0].total == 9.5
    user.name = "bob"
    (tmp_path / "later").mkdir()
    [after] = record_values(tmp_path / "later", [user])
    assert "name='bob'" in str(after)
    assert "orders=[Order(" in str(after) and "total=9.5" in str(after)
    assert "orders=<not loaded>" not in str(after)


def test_django_names_what_is_not_fetched_and_fetches_nothing(tmp_path: Path) -> None:
    django = pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
        settings.configure(DATABASES={"default": database}, INSTALLED_APPS=[])
    django.setup()
    names = made_by("""
from django.db import connection, models
class Writer(models.Model):
    name = models.CharField(max_length=9)
    class Meta: app_label = "shop_of_test"
class Book(models.Model):
    name = models.CharField(max_length=9)
    by = models.ForeignKey(Writer, models.CASCADE, null=True)
    class Meta: app_label = "shop_of_test"
with connection.schema_editor() as editor:
    editor.create_model(Writer)
    editor.create_model(Book)
ann = Writer(name="ann")
ann.save()
Book(name="x", by=ann).save()
deferred, joined = Book.objects.only("id").get(), Book.objects.select_related("by").get()
some, fetched = Book.objects.filter(name="x"), Book.objects.all()
list(fetched)
""")
    values = [names[name] for name in ("some", "fetched", "deferred", "joined")]
    asked = len(names["connection"].queries_log)
    found = record_values(tmp_path, [names["Book"](name="y"), *values])
    assert names["some"]._result_cache is None and len(names["connection"].queries_log) == asked
    assert [str(each) for each in found] == [
        "Book(id=None, name='y', by_id=None, by=<not loaded>)",
        "<QuerySet of Book, not fetched>",
        "<QuerySet of Book [Book(id=1, name='x', by_id=1, by=<not loaded>)]>",
        "Book(id=1, name=<not loaded>, by_id=<not loaded>, by=<not loaded>)",
        "Book(id=1, name='x', by_id=1, by=Writer(id=1, name='ann'))",
    ]
    assert found[3].id == 1 and found[3].to_python(strict=False).id == 1
    assert list(names["deferred"].__dict__) == ["_state", "id"]
    names["connection"].close()


def test_responses_have_no_headers(tmp_path: Path) -> None:
    requests, httpx = pytest.importorskip("requests"), pytest.importorskip("httpx")
    one = requests.Response()
    one.status_code, one.url, one._content = 404, "http://shop/orders?id=7", b"no"
    one.headers["Set-Cookie"] = "hunter2"
    two = httpx.Response(
        200, request=httpx.Request("GET", "http://shop:81/orders?id=7"), text="hi",
        headers={"X-Trace": "hunter2"},
    )  # fmt: skip
    found = record_values(tmp_path, [one, two])
    assert str(found[0]) == "<Response [404] http://shop/orders?id=7 content=b'no'>"
    assert str(found[1]) == "<Response [200] http://shop:81/orders?id=7 content=b'hi'>"


@pytest.mark.parametrize("library", ["requests", "httpx"])
def test_requests_are_told_by_method_and_address(tmp_path: Path, library: str) -> None:
    made = pytest.importorskip(library).Request("POST", "http://shop:81/orders?id=7")
    made.headers["X-Key"] = "hunter2"
    told = [made, made.prepare()] if library == "requests" else [made]
    for found in record_values(tmp_path, told):
        assert str(found) == "<Request [POST] http://shop:81/orders?id=7>"


AS_HTTPX = """
class Pieces(typing.NamedTuple):
    scheme: str
    userinfo: str
    host: str
    port: int | None
    path: str
    query: str | None
    fragment: str | None
class URL:
    def __init__(self, *pieces): self._uri_reference = Pieces(*pieces)
class Request:
    def __init__(self, url): self.method, self.url = "GET", url
class Response:
    def __init__(self, request): self.status_code, self._request, self._content = 200, request, None
"""


@pytest.mark.parametrize("port", [None, 81])
@pytest.mark.parametrize("path", ["", "/orders"])
@pytest.mark.parametrize("query", [None, "", "id=7"])
def test_an_address_is_made_of_the_pieces_that_httpx_keeps(
    tmp_path: Path, port: int | None, path: str, query: str | None
) -> None:
    """By classes that are called as its are: it need not be installed."""
    names: dict[str, Any] = {"__name__": "httpx", "typing": typing}
    exec(compile(AS_HTTPX, "as_httpx.py", "exec", dont_inherit=True), names)
    url = names["URL"]("http", "ann:hunter2", "shop", port, path, query, "top")
    request = names["Request"](url)
    place = "shop" if port is None else f"shop:{port}"
    address = f"http://{place}{path}" + ("" if query is None else f"?{query}")
    found = record_values(tmp_path, [url, request, names["Response"](request)])
    assert [str(each) for each in found] == [
        f"httpx.URL('{address}')",
        f"<Request [GET] {address}>",
        f"<Response [200] {address}>",
    ]


def test_messages_of_protobuf_are_known_by_type(tmp_path: Path) -> None:
    made = pytest.importorskip("google.protobuf.timestamp_pb2").Timestamp(seconds=5)
    [found] = record_values(tmp_path, [made])
    assert str(found) == "<google.protobuf.timestamp_pb2.Timestamp object>"


ARROW = {
    "pyarrow.chunked_array([['a', None], ['é']])": "pyarrow.ChunkedArray(['a', None, 'é'])",
    "pyarrow.chunked_array([['a', None], ['é']]).slice(1)": "pyarrow.ChunkedArray([None, 'é'])",
    "pyarrow.chunked_array([[1, None, 3]])": "pyarrow.ChunkedArray([1, <NA>, 3])",
    "pyarrow.chunked_array([[True, None], [False]])": "pyarrow.ChunkedArray([True, <NA>, False])",
    "pyarrow.chunked_array([], type=pyarrow.string())": "pyarrow.ChunkedArray([])",
    "pyarrow.array([1, None, 3], type='int32')": "pyarrow.Int32Array([1, <NA>, 3])",
    "pyarrow.array(['a', None]).slice(1)": "pyarrow.StringArray([None])",
    "pyarrow.array([b'a', b'bc'])": "pyarrow.BinaryArray([b'a', b'bc'])",
    "pyarrow.array([0.5], type='float16')": "pyarrow.HalfFloatArray([0.5])",
    "pyarrow.array([datetime.date(2020, 1, 2), None])": "pyarrow.Date32Array([2020-01-02, <NA>])",
    "pyarrow.array([datetime.datetime(2020, 1, 2, 3)])": "pyarrow.TimestampArray([2020-01-02 03:00:00])",
    "pyarrow.array([0], type=pyarrow.timestamp('ms', tz='Europe/Berlin'))":
        "pyarrow.TimestampArray([1970-01-01 01:00:00+01:00])",
    "pyarrow.array([0], type=pyarrow.timestamp('s', tz='-05:30'))":
        "pyarrow.TimestampArray([1969-12-31 18:30:00-05:30])",
    "pyarrow.array([datetime.timedelta(1)])": "pyarrow.DurationArray([1 days 00:00:00])",
    "pyarrow.array([Decimal('19.90'), None, Decimal('-0.05'), Decimal('-9' * 1 + '9' * 30)])":
        f"pyarrow.Decimal128Array([Decimal('19.90'), None, Decimal('-0.05'), Decimal('-{'9' * 31}.00')])",
    "pyarrow.array([[1, 2], None, []])": "pyarrow.ListArray([[1, 2], None, []])",
    "pyarrow.array([['a', None], ['b']]).slice(1)": "pyarrow.ListArray([['b']])",
    "pyarrow.array([[[1], [2, 3]], [None]])": "pyarrow.ListArray([[[1], [2, 3]], [None]])",
    "pyarrow.array([[1], [2]], type=pyarrow.large_list(pyarrow.int8()))": "pyarrow.LargeListArray([[1], [2]])",
    "pyarrow.array([[1, 2], None], type=pyarrow.list_(pyarrow.int16(), 2))":
        "pyarrow.FixedSizeListArray([[1, 2], None])",
    "pyarrow.chunked_array([[{'a': 1}], [{'a': None}]])": "pyarrow.ChunkedArray([{'a': 1}, {'a': None}])",
    "pyarrow.array([{'a': [1], 'b': {'c': 1.5}}, None]).slice(1)": "pyarrow.StructArray([None])",
    "pyarrow.array([{'a': [1], 'b': {'c': 1.5}}, {'a': [2]}]).slice(1)":
        "pyarrow.StructArray([{'a': [2], 'b': None}])",
    "pyarrow.array([{'b': {'c': 1.5}}])": "pyarrow.StructArray([{'b': {'c': 1.5}}])",
    "pyarrow.table({'m': pyarrow.array([None, [('k', 1)]], type=pyarrow.map_(pyarrow.string(), pyarrow.int64()))})":
        "pyarrow.Table({'m': [None, [('k', 1)]]})",
    "pyarrow.array([[('k', 1)], []], type=pyarrow.map_(pyarrow.string(), pyarrow.int64()))":
        "pyarrow.MapArray([[('k', 1)], []])",
    "pyarrow.array(['u', 'v', None, 'u']).dictionary_encode().slice(1)": "pyarrow.DictionaryArray(['v', None, 'u'])",
    "pyarrow.array([5, 6], type=pyarrow.int16()).dictionary_encode()": "pyarrow.DictionaryArray([5, 6])",
    "pyarrow.array([datetime.time(1, 2, 3, 4), None])": "pyarrow.Time64Array([datetime.time(1, 2, 3, 4), <NA>])",
    "pyarrow.array([5], type=pyarrow.time32('ms'))": "pyarrow.Time32Array([datetime.time(0, 0, 0, 5000)])",
    "pyarrow.array([None, None])": "pyarrow.NullArray([None, None])",
    "pyarrow.array([b'ab', None], type=pyarrow.binary(2))": "pyarrow.FixedSizeBinaryArray([b'ab', None])",
    "pyarrow.array([[Decimal('1.50')], [None]])": "pyarrow.ListArray([[Decimal('1.50')], [None]])",
    "pyarrow.array([[datetime.date(2020, 1, 2)]])": "pyarrow.ListArray([[datetime.date(2020, 1, 2)]])",
    "pyarrow.array([[datetime.datetime(2020, 1, 2, 3)]])":
        "pyarrow.ListArray([[datetime.datetime(2020, 1, 2, 3, 0)]])",
    "pyarrow.array([[datetime.timedelta(1)]])": "pyarrow.ListArray([[datetime.timedelta(days=1)]])",
    "pyarrow.table({'t': [['a'], None], 'd': pyarrow.array(['u', 'v']).dictionary_encode()})":
        "pyarrow.Table({'t': [['a'], None], 'd': ['u', 'v']})",
    "pyarrow.array(['a', 'more than 12 bytes: é', None], type=pyarrow.string_view())":
        "pyarrow.StringViewArray(['a', 'more than 12 bytes: é', None])",
    "pyarrow.array([b'a', b'more than 12 bytes'], type=pyarrow.binary_view()).slice(1)":
        "pyarrow.BinaryViewArray([b'more than 12 bytes'])",
    "pyarrow.array(['a'], type=pyarrow.large_string())": "pyarrow.LargeStringArray(['a'])",
    "pyarrow.array([[1], None, [2, 3]], type=pyarrow.list_view(pyarrow.int64()))":
        "pyarrow.ListViewArray([[1], None, [2, 3]])",
    "pyarrow.array([['a'], []], type=pyarrow.large_list_view(pyarrow.string()))":
        "pyarrow.LargeListViewArray([['a'], []])",
    "pyarrow.array([Decimal('-1.50'), None, Decimal(0)], type=pyarrow.decimal32(5, 2))":
        "pyarrow.Decimal32Array([Decimal('-1.50'), None, Decimal('0.00')])",
    "pyarrow.array([Decimal('-1.50')], type=pyarrow.decimal64(12, 3))": "pyarrow.Decimal64Array([Decimal('-1.500')])",
    "pyarrow.array([Decimal('-' + '9' * 76), Decimal(10) ** 40], type=pyarrow.decimal256(76, 0))":
        f"pyarrow.Decimal256Array([Decimal('-{'9' * 76}'), Decimal('1{'0' * 40}')])",
    "extended('bool8', [1, None, 0], 'int8')": "pyarrow.Bool8Array([1, <NA>, 0])",
    "extended('uuid', [b'0123456789abcdef', None], 'binary', 16)": "pyarrow.UuidArray([b'0123456789abcdef', None])",
    "extended('json_', ['{}'], 'string')": "pyarrow.JsonArray(['{}'])",
    "pyarrow.chunked_array([extended('bool8', [1], 'int8')] * 2)": "pyarrow.ChunkedArray([1, 1])",
    "pyarrow.StructArray.from_arrays([extended('bool8', [1, 0], 'int8')], ['a'])":
        "pyarrow.StructArray([{'a': 1}, {'a': 0}])",
    "pyarrow.table({'x': extended('json_', ['{}'], 'string')})": "pyarrow.Table({'x': ['{}']})",
    "pandas.Series(pandas.arrays.ArrowExtensionArray(pyarrow.chunked_array([extended('bool8', [1], 'int8')])))":
        "pandas.Series([1])",
    "pandas.Series(pandas.arrays.ArrowExtensionArray(pyarrow.chunked_array([pyarrow.array(['a'], 'string_view')])))":
        "pandas.Series(['a'])",
    "pyarrow.array(['a', 'a', 'b']).dictionary_encode().cast(pyarrow.string())": "pyarrow.StringArray(['a', 'a', 'b'])",
    "pyarrow.RunEndEncodedArray.from_arrays([2], ['a'])": "<pyarrow.RunEndEncodedArray, run_end_encoded of size 2>",
    "pandas.Series([[1, 2], None], dtype=pandas.ArrowDtype(pyarrow.list_(pyarrow.int64())))":
        "pandas.Series([[1, 2], None])",
    "pandas.Series([{'a': 1}], dtype=pandas.ArrowDtype(pyarrow.struct([('a', pyarrow.int64())])))":
        "pandas.Series([{'a': 1}])",
    "pandas.Series(['u'], dtype=pandas.ArrowDtype(pyarrow.dictionary(pyarrow.int8(), pyarrow.string())))":
        "pandas.Series(['u'])",
    "pyarrow.table({'a': [1, 2], 'b': ['x', None]})": "pyarrow.Table({'a': [1, 2], 'b': ['x', None]})",
    "pyarrow.table({'a': [1, 2, 3]}).slice(1)": "pyarrow.Table({'a': [2, 3]})",
    "pyarrow.table({'a': [1], 'l': [[1]], 'password': ['hunter2']})":
        "pyarrow.Table({'a': [1], 'l': [[1]], 'password': <redacted>})",
    "pyarrow.array([{'a': 1, 'password': 'hunter2'}])": "pyarrow.StructArray([{'a': 1, 'password': <redacted>}])",
    "pyarrow.array([['password', 'hunter2']])": "pyarrow.ListArray([['password', <redacted>]])",
    "pyarrow.array([[('password', 'hunter2')]], type=pyarrow.map_(pyarrow.string(), pyarrow.string()))":
        "pyarrow.MapArray([[('password', <redacted>)]])",
    "pyarrow.table({})": "pyarrow.Table({})",
    "pyarrow.table({'a': pyarrow.chunked_array([], type='int32')})": "pyarrow.Table({'a': []})",
    "pyarrow.record_batch({'a': [1, 2, 3], 'b': ['x', 'y', 'z']}).slice(1)":
        "pyarrow.RecordBatch({'a': [2, 3], 'b': ['y', 'z']})",
    "pandas.Series([Decimal('1.25')], dtype=pandas.ArrowDtype(pyarrow.decimal128(10, 2)))":
        "pandas.Series([Decimal('1.25')])",
    "pandas.Series([datetime.date(2020, 1, 1)], dtype=pandas.ArrowDtype(pyarrow.date32()))":
        "pandas.Series([2020-01-01])",
}  # fmt: skip


def extended(name: str, values: list[Any], stored: str, *sizes: int) -> Any:
    """An array of an extension's that pyarrow has."""
    import pyarrow

    storage = pyarrow.array(values, type=getattr(pyarrow, stored)(*sizes))
    return pyarrow.ExtensionArray.from_storage(getattr(pyarrow, name)(), storage)


@pytest.fixture(scope="module")
def of_arrow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any]]:
    names = {"pyarrow": pytest.importorskip("pyarrow"), "pandas": pytest.importorskip("pandas")}
    names |= {"datetime": datetime, "Decimal": decimal.Decimal, "extended": extended}
    made = [eval(text, names) for text in ARROW]
    found = record_values(tmp_path_factory.mktemp("arrow"), made)
    return dict(zip(ARROW, zip(made, found, strict=True), strict=True))


@pytest.mark.parametrize("text", ARROW)
def test_arrays_and_tables_of_pyarrow_are_read(
    of_arrow: dict[str, tuple[Any, Any]], text: str
) -> None:
    value, found = of_arrow[text]
    assert str(found) == ARROW[text]
    assert found.to_json()
    if "of size" in str(found) or "redacted" in str(found):
        with pytest.raises(recorder.RecorderError):
            found.to_python()
    elif hasattr(value, "to_pylist"):
        again = found.to_python()
        assert again.to_pylist() == value.to_pylist()


def test_what_is_long_in_pyarrow_says_so(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    values = [
        pyarrow.chunked_array([["x"] * 1000]), pyarrow.array(range(1000)), pyarrow.table({"a": range(1000)}),
        pyarrow.table({f"c{n}": [n] for n in range(100)}),
    ]  # fmt: skip
    for value, found in zip(values, record_values(tmp_path, values), strict=True):
        assert ("… 940 more" if len(value) == 1000 else "… 60 more columns") in str(found)
        assert found.truncated and len(found) == len(value)
        with pytest.raises(recorder.RecorderError, match="too large"):
            found.to_python()


def test_a_table_of_pyarrow_answers_and_is_a_table(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    [found] = record_values(tmp_path, [pyarrow.table({"amt": [1.0, 99.0]})])
    assert found["amt"][1] == 99.0 and len(found) == 2
    assert "<tr><th>1</th><td>99.0</td></tr>" in found._repr_html_()


def test_a_layout_of_pyarrow_that_is_not_the_known_one_makes_values_opaque(tmp_path: Path) -> None:
    """What pyarrow's object has twice, the address of what it wraps, is not there twice."""
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"a": [1]})
    values = [
        table, table.to_batches()[0], table["a"], pyarrow.array([1]), table.schema, table.schema.field(0),
        pyarrow.int8(),
    ]  # fmt: skip
    second = [ctypes.c_ssize_t.from_address(id(value) + 48) for value in values]
    kept = [place.value for place in second]
    for place in second:
        place.value += 8
    try:
        found = record_values(tmp_path, values)
    finally:
        for place, address in zip(second, kept, strict=True):
            place.value = address
    assert [str(one) for one in found] == [
        f"<{type(value).__module__}.{type(value).__name__} object, of a layout that is not known>"
        for value in values
    ]


EXTENDED = "pyarrow.ExtensionArray.from_storage(pyarrow.bool8(), pyarrow.array([1], 'int8'))"

# What pyarrow says of the inside of an array, and the other thing that it is made to say: so it would be if that stood
# elsewhere.
INSIDE = {
    "ListArray.values": ("ListArray.offsets", "pyarrow.array([[1, 2]])"),
    "LargeListArray.values": (
        "LargeListArray.offsets",
        "pyarrow.array([[1]], pyarrow.large_list(pyarrow.int64()))",
    ),
    "FixedSizeListArray.values": (
        "Array.type",
        "pyarrow.array([[1, 2]], pyarrow.list_(pyarrow.int64(), 2))",
    ),
    "StructArray.field": ("Array.buffers", "pyarrow.array([{'a': 1}])"),
    "DictionaryArray.dictionary": (
        "DictionaryArray.indices",
        "pyarrow.array(['u']).dictionary_encode()",
    ),
    "DictionaryType.value_type": (
        "DictionaryType.index_type",
        "pyarrow.array(['u']).dictionary_encode()",
    ),
    "FixedSizeListType.list_size": (
        "DataType.id",
        "pyarrow.array([[1, 2]], pyarrow.list_(pyarrow.int64(), 2))",
    ),
    "Time64Type.unit": ("DataType.id", "pyarrow.array([[datetime.time(1)]])"),
    "DataType.num_fields": ("DataType.id", "pyarrow.array([[1, 2]])"),
    "Field.nullable": ("Field.name", "pyarrow.table({'a': [[1]]})['a']"),
    "ListScalar.values": ("Scalar.type", "pyarrow.scalar([1])"),
    "DictionaryScalar.index": (
        "DictionaryScalar.dictionary",
        "pyarrow.array(['u']).dictionary_encode()[0]",
    ),
    "DictionaryScalar.dictionary": (
        "DictionaryScalar.index",
        "pyarrow.array(['u']).dictionary_encode()[0]",
    ),
    "Decimal128Scalar.as_py": ("Scalar.validate", "pyarrow.scalar(decimal.Decimal('1.50'))"),
    "Decimal128Type.scale": ("Decimal128Type.precision", "pyarrow.scalar(decimal.Decimal('1.50'))"),
    "DataType.byte_width": ("DataType.id", "pyarrow.scalar(decimal.Decimal('1.50'))"),
    "Time64Scalar.value": ("Scalar.type", "pyarrow.scalar(datetime.time(1))"),
    "ExtensionScalar.value": ("Scalar.type", f"{EXTENDED}[0]"),
    "ExtensionArray.storage": ("Array.type", EXTENDED),
    "BaseExtensionType.storage_type": ("DataType.id", EXTENDED),
    "ListViewArray.values": (
        "ListViewArray.offsets",
        "pyarrow.array([[1]], pyarrow.list_view(pyarrow.int64()))",
    ),
}
# A forked process for each: what has been proved once stays.
MAKING_IT_SAY = """
import ctypes, datetime, decimal, gc, json, os, sys
import pyarrow, recorder, recorder.session, recorder.staging.create
from tests.tools import warm_sealer
warm_sealer.use(sys.argv[3])
def word(address): return ctypes.c_ssize_t.from_address(address)
def getter(descriptor): return word(word(id(descriptor) + 40).value + 8)
def dict_of(name): return gc.get_referents(getattr(pyarrow.lib, name).__dict__)[0]
def look(value): return None
def record(trace, what, answers, text):
    (kind, name), (other, instead) = what.split("."), answers.split(".")
    value = eval(text)
    kept, new = dict_of(kind)[name], dict_of(other)[instead]
    if type(kept) is type(new) is type(pyarrow.Array.type):
        getter(kept).value = getter(new).value
    else:
        dict_of(kind)[name] = new
    with recorder.record(trace, min_free_space=0, include=["<string>"]):
        look(value)
pyarrow.array([1])  # imports pandas, once for all
for n, (what, (answers, text)) in enumerate(json.loads(sys.argv[2]).items()):
    pid = os.fork()
    if pid == 0:
        record(f"{sys.argv[1]}/{n}.rtrace", what, answers, text)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, what
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, sealers: str) -> dict[str, Path]:
    """A trace for each of INSIDE."""
    pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("elsewhere")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MAKING_IT_SAY, str(folder), json.dumps(INSIDE), sealers],
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return {what: folder / f"{n}.rtrace" for n, what in enumerate(INSIDE)}


@pytest.mark.parametrize("what", INSIDE)
def test_what_is_elsewhere_inside_of_an_array_of_pyarrow(
    what: str, elsewhere: dict[str, Path]
) -> None:
    with recorder.open_trace(elsewhere[what]) as trace:
        [found] = [
            event.locals["value"]
            for event in trace.events()
            if event.function.name == "look" and event.kind == "call"
        ]
    assert "of a layout that is not known" in str(found)


ONE_BY_ONE = {
    "pyarrow.scalar(5)": "pyarrow.Int64Scalar(5)",
    "pyarrow.scalar(-5, pyarrow.int8())": "pyarrow.Int8Scalar(-5)",
    "pyarrow.scalar(2**64 - 1, pyarrow.uint64())": "pyarrow.UInt64Scalar(18446744073709551615)",
    "pyarrow.scalar(1.5)": "pyarrow.DoubleScalar(1.5)",
    "pyarrow.scalar(0.1, pyarrow.float32())": "pyarrow.FloatScalar(0.1)",
    "pyarrow.scalar(True)": "pyarrow.BooleanScalar(True)",
    "pyarrow.scalar('é')": "pyarrow.StringScalar('é')",
    "pyarrow.scalar('')": "pyarrow.StringScalar('')",
    "pyarrow.scalar(b'x')": "pyarrow.BinaryScalar(b'x')",
    "pyarrow.scalar(None, pyarrow.int64())": "pyarrow.Int64Scalar(<NA>)",
    "pyarrow.scalar(datetime.date(2020, 1, 2))": "pyarrow.Date32Scalar(2020-01-02)",
    "pyarrow.scalar(datetime.datetime(2020, 1, 2, 3))": "pyarrow.TimestampScalar(2020-01-02 03:00:00)",
    "pyarrow.scalar([1, None])": "pyarrow.ListScalar([1, None])",
    "pyarrow.scalar([[1], []])": "pyarrow.ListScalar([[1], []])",
    "pyarrow.scalar([{'a': ['x']}])": "pyarrow.ListScalar([{'a': ['x']}])",
    "pyarrow.array([[1], [2, 3]])[1]": "pyarrow.ListScalar([2, 3])",
    "pyarrow.scalar(None, pyarrow.list_(pyarrow.int64()))": "pyarrow.ListScalar(None)",
    "pyarrow.scalar([], pyarrow.list_(pyarrow.int64()))": "pyarrow.ListScalar([])",
    "pyarrow.scalar([1], pyarrow.large_list(pyarrow.int8()))": "pyarrow.LargeListScalar([1])",
    "pyarrow.scalar([1, 2], pyarrow.list_(pyarrow.int8(), 2))": "pyarrow.FixedSizeListScalar([1, 2])",
    "pyarrow.scalar([('k', 1)], pyarrow.map_(pyarrow.string(), pyarrow.int8()))": "pyarrow.MapScalar([('k', 1)])",
    "pyarrow.scalar(['password', 'hunter2'])": "pyarrow.ListScalar(['password', <redacted>])",
    "pyarrow.scalar({'a': 1})": "pyarrow.StructScalar({'a': 1})",
    "pyarrow.scalar({'a': {'b': [1]}, 'c': None, 'd': Decimal('1.5')})":
        "pyarrow.StructScalar({'a': {'b': [1]}, 'c': None, 'd': Decimal('1.5')})",
    "pyarrow.array([{'a': 1}, {'a': 2}])[1]": "pyarrow.StructScalar({'a': 2})",
    "pyarrow.scalar([{'a': 1}])[0]": "pyarrow.StructScalar({'a': 1})",
    "pyarrow.scalar(None, pyarrow.struct([('a', pyarrow.int8())]))": "pyarrow.StructScalar(None)",
    "pyarrow.scalar({'password': 'hunter2', 'b': 1})": "pyarrow.StructScalar({'password': <redacted>, 'b': 1})",
    "pyarrow.scalar(Decimal('-19.90'))": "pyarrow.Decimal128Scalar(Decimal('-19.90'))",
    "pyarrow.scalar(Decimal('19.90'), pyarrow.decimal256(60, 2))": "pyarrow.Decimal256Scalar(Decimal('19.90'))",
    "pyarrow.scalar(Decimal('-1'), pyarrow.decimal64(9, 2))": "pyarrow.Decimal64Scalar(Decimal('-1.00'))",
    "pyarrow.scalar(None, pyarrow.decimal128(5, 2))": "pyarrow.Decimal128Scalar(None)",
    "pyarrow.array(['u', 'v']).dictionary_encode()[1]": "pyarrow.DictionaryScalar('v')",
    "pyarrow.array(['u', None]).dictionary_encode()[1]": "pyarrow.DictionaryScalar(None)",
    "pyarrow.scalar(7, pyarrow.dictionary(pyarrow.int8(), pyarrow.int16()))": "pyarrow.DictionaryScalar(7)",
    "pyarrow.scalar(datetime.time(1, 2))": "pyarrow.Time64Scalar(datetime.time(1, 2))",
    "pyarrow.scalar(5, pyarrow.time32('s'))": "pyarrow.Time32Scalar(datetime.time(0, 0, 5))",
    "pyarrow.scalar(b'ab', pyarrow.binary(2))": "pyarrow.FixedSizeBinaryScalar(b'ab')",
    "pyarrow.scalar('é', pyarrow.string_view())": "pyarrow.StringViewScalar('é')",
    "pyarrow.scalar('more than twelve bytes', pyarrow.string_view())":
        "pyarrow.StringViewScalar('more than twelve bytes')",
    "pyarrow.array([[1], [2, 3]], pyarrow.list_view(pyarrow.int64()))[1]": "pyarrow.ListViewScalar([2, 3])",
    "extended('bool8', [1], 'int8')[0]": "pyarrow.Bool8Scalar(1)",
    "extended('uuid', [b'0123456789abcdef'], 'binary', 16)[0]": "pyarrow.UuidScalar(b'0123456789abcdef')",
    "pyarrow.scalar(None)": "pyarrow.NullScalar(None)",
    "pyarrow.schema([('id', pyarrow.int64()), ('t', pyarrow.timestamp('us', 'UTC'))])":
        "pyarrow.Schema(id: int64, t: timestamp[us, tz=UTC])",
    "pyarrow.schema([])": "pyarrow.Schema()",
    "pyarrow.field('id', pyarrow.int64(), nullable=False)": "pyarrow.Field<id: int64 not null>",
    "pyarrow.decimal128(5, 2)": "pyarrow.Decimal128Type(decimal128(5, 2))",
    "pyarrow.float16()": "pyarrow.DataType(halffloat)",
    "pyarrow.struct([('a', pyarrow.list_(pyarrow.string()))])":
        "pyarrow.StructType(struct<a: list<item: string>>)",
    "pyarrow.map_(pyarrow.string(), pyarrow.int8())": "pyarrow.MapType(map<string, int8>)",
    "pyarrow.list_(pyarrow.int8(), 2)": "pyarrow.FixedSizeListType(fixed_size_list<item: int8>[2])",
    "pyarrow.binary(2)": "pyarrow.FixedSizeBinaryType(fixed_size_binary[2])",
    "pyarrow.decimal256(60, 2)": "pyarrow.Decimal256Type(decimal256(60, 2))",
    "pyarrow.list_view(pyarrow.int8())": "pyarrow.ListViewType(list_view<item: int8>)",
}  # fmt: skip


def test_scalars_and_schemas_of_pyarrow(tmp_path: Path) -> None:
    """Types are called what Arrow calls them."""
    pyarrow = pytest.importorskip("pyarrow")
    names = {
        "pyarrow": pyarrow,
        "datetime": datetime,
        "Decimal": decimal.Decimal,
        "extended": extended,
    }
    values = [eval(text, names) for text in ONE_BY_ONE]
    for _ in range(2):  # once proved, and once known
        found = record_values(tmp_path, values)
        assert dict(zip(ONE_BY_ONE, map(str, found), strict=True)) == ONE_BY_ONE
    for value, each in zip(values, found, strict=True):
        if isinstance(value, pyarrow.DataType):
            assert str(value) in str(each)
        if isinstance(value, pyarrow.Scalar) and "redacted" not in str(each):
            assert each.to_python().as_py() == value.as_py()
        elif isinstance(value, (pyarrow.Schema, pyarrow.Field)):
            assert each.to_python().equals(value)


WRITTEN_TO = """
import numpy, pyarrow
def f():
    numbers = numpy.zeros(5000)
    table = pyarrow.table({"x": numbers})
    numbers[2500] = 1.0
    end = 1
f()
"""


def test_what_is_written_below_a_table_is_seen(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    code = compile(WRITTEN_TO, str(tmp_path / "written.py"), "exec", dont_inherit=True)
    with recorder.record(tmp_path / "w.rtrace", min_free_space=0, include=["*written.py"]):
        exec(code, {"__name__": "written"})
    with recorder.open_trace(tmp_path / "w.rtrace") as trace:
        changes = [event for event in trace.events() if "table" in event.changed]
    assert len(changes) == 2


def test_what_polars_keeps_to_itself_is_told_by_its_type(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    values = [
        polars.DataFrame({"a": [1]}), polars.Series([1]), polars.LazyFrame({"a": [1]}), polars.col("a"),
    ]  # fmt: skip
    assert [str(found) for found in record_values(tmp_path, values)] == [
        f"<polars.{name}: Rust keeps what is in it>"
        for name in ("DataFrame", "Series", "LazyFrame", "Expr")
    ]
