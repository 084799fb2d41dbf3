"""Values of numpy, pandas, pyarrow, torch, pydantic, attrs, msgspec, SQLAlchemy, Django, requests, httpx, ctypes and
operator, of hostile classes, and with hostile objects in them (see hostile_zoo.py). Each library where it is installed.
Run plain and recorded by test_harmless.py: what it prints has to be the same."""

import contextlib
import ctypes
import operator
import os
import sys

with contextlib.suppress(ImportError):
    import numpy
    import pandas
with contextlib.suppress(ImportError):
    import pydantic
with contextlib.suppress(ImportError):
    import attrs
    import msgspec
with contextlib.suppress(ImportError):
    import sqlalchemy
    from sqlalchemy import orm
with contextlib.suppress(ImportError):
    import httpx
    import requests
with contextlib.suppress(ImportError):
    import pyarrow
with contextlib.suppress(ImportError):
    import torch
with contextlib.suppress(ImportError):
    import django
    from django.conf import settings
    from django.db import models

armed = False
touched = []
SPECIAL = """
repr str bytes format lt le eq ne gt ge hash bool getattr getattribute setattr delattr dir len length_hint getitem
setitem missing iter next contains add radd int float index enter exit array array_interface array_struct array_ufunc
array_function array_priority buffer sizeof reduce reduce_ex getstate copy deepcopy fspath dataframe arrow_array
arrow_c_array arrow_c_schema
""".split()


class Harm(BaseException):
    pass


def method(name):
    def told(self, *args, **named):
        if armed:
            touched.append(name)
            raise Harm(name)
        if name == "__getattribute__":
            return object.__getattribute__(self, *args)
        if name == "__setattr__":
            return object.__setattr__(self, *args)
        return 7 if name == "__hash__" else NotImplemented

    return told


def body(*left_out):
    names = [f"__{name}__" for name in SPECIAL]
    return {name: method(name) for name in names if name not in left_out}


class Loud:
    pass


loud = Loud()
for each, function in body().items():
    setattr(Loud, each, function)


def derived(value, *left_out):
    """The same value, of a hostile class that is derived from its own."""
    kind = type(value)
    cls = type(f"Hostile{kind.__name__}", (kind,), body(*left_out))
    made = object.__new__(cls)
    object.__getattribute__(made, "__dict__").update(value.__dict__)
    return made


def of_numpy():
    for base in (numpy.ndarray, numpy.ma.MaskedArray, numpy.matrix, numpy.recarray):
        cls = type(
            f"Hostile{base.__name__}",
            (base,),
            body("__getattr__", "__getattribute__", "__setattr__"),
        )
        yield numpy.ndarray.__new__(cls, (2, 2))
    for base in (numpy.float64, numpy.str_, numpy.bytes_):
        cls = type(f"Hostile{base.__name__}", (base,), body())
        yield base.__new__(cls, "1.5" if base is not numpy.bytes_ else b"x")
    objects = numpy.empty(3, dtype=object)
    objects[0], objects[1] = loud, [loud]
    yield objects
    yield numpy.array([(1, loud)], dtype=[("a", int), ("b", object)])


def of_pandas():
    frame = pandas.DataFrame({"amt": [1.5, 2.0], "t": ["x", "y"]})
    objects = pandas.DataFrame({"o": [1, 2]}, dtype=object)
    objects._mgr.blocks[0].values[0, 0] = loud
    series = pandas.Series([1, 2], name="n")
    yield derived(frame)
    yield derived(series)
    yield derived(frame.index)
    yield objects
    series._name = loud
    yield series
    yield derived(pandas.array([1, None], dtype="Int64"))


def of_pyarrow():
    yield pyarrow.table({"a": [1]})
    yield pyarrow.schema([("a", pyarrow.list_(pyarrow.int64()))])
    yield pyarrow.field("a", pyarrow.timestamp("us", tz="UTC"))
    yield pyarrow.scalar("a")


def of_ctypes():
    left_out = ("__setattr__", "__getattr__", "__getattribute__", "__reduce__")
    for base in (
        ctypes.Structure,
        ctypes.Union,
        ctypes.BigEndianStructure,
        ctypes.c_int,
        ctypes.c_char_p,
    ):
        cls = type(
            f"Hostile{base.__name__}",
            (base,),
            {**body(*left_out), "_fields_": [("x", ctypes.c_int)]},
        )
        yield cls()
        yield ctypes.POINTER(cls)()
        yield (cls * 2)()
    array = type(
        "HostileArray", (ctypes.Array,), {**body(*left_out), "_type_": ctypes.c_int, "_length_": 2}
    )
    yield array()
    yield ctypes.py_object(loud)


def of_operator():
    yield operator.itemgetter(loud)
    yield operator.itemgetter(loud, 1)
    yield operator.methodcaller("m", loud, key=loud)
    yield type("HostileText", (str,), body())("name")


def of_torch():
    cls = type(
        "HostileTensor", (torch.Tensor,), body("__setattr__", "__getattr__", "__getattribute__")
    )
    yield torch.ones(2).as_subclass(cls)
    function = classmethod(lambda cls, *args, **named: touched.append("dispatch"))
    yield torch.Tensor._make_wrapper_subclass(
        type(
            "Dispatching",
            (torch.Tensor,),
            {"__torch_dispatch__": function, "__torch_function__": function},
        ),
        (2,),
    )


def of_django():
    settings.configure(INSTALLED_APPS=[], DATABASES={})
    django.setup()
    meta = type("Meta", (), {"app_label": "hostile_of_test"})
    fields = {"name": models.CharField(max_length=9), "Meta": meta, "__module__": __name__}
    left_out = (
        "__setattr__",
        "__getattr__",
        "__getattribute__",
        "__hash__",
        "__eq__",
        "__reduce__",
        "__dir__",
    )
    cls = type("HostileModel", (models.Model,), {**body(*left_out), **fields})
    yield cls(name=loud)
    deferred = cls(name="x")
    del deferred.__dict__["name"]
    yield deferred


def of_models():
    class Model(pydantic.BaseModel, arbitrary_types_allowed=True):
        held: object

    yield Model(held=loud)
    yield type("HostileModel", (Model,), body("__setattr__", "__getattr__", "__getattribute__"))(
        held=loud
    )


def of_attrs():
    yield attrs.make_class("Attrs", {"a": attrs.field()}, eq=False)(loud)
    yield msgspec.defstruct("Struct", [("a", object)], eq=False)(loud)


def of_sqlalchemy():
    class Base(orm.DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "user"
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        name = sqlalchemy.Column(sqlalchemy.String)

    for each, function in body(
        "__setattr__", "__getattr__", "__getattribute__", "__hash__", "__eq__"
    ).items():
        setattr(User, each, function)
    user = User(id=1)
    user.__dict__["name"] = loud
    yield user


def of_responses():
    response = requests.Response()
    response.url, response.status_code = loud, loud
    yield derived(response)
    yield response
    yield derived(httpx.Headers({"a": "b"}))


def look(value, *more):
    held = {"kept": [value]}
    pair = (value, held)
    return [pair]


def animals():
    found = []
    for make in (
        of_numpy, of_pandas, of_pyarrow, of_torch, of_models, of_attrs, of_sqlalchemy, of_django, of_responses,
        of_ctypes, of_operator,
    ):  # fmt: skip
        try:
            found += make()
        except NameError:  # it is not installed
            continue
    return found


menagerie = animals()
armed = True
index = 0
while index < len(menagerie):
    look(menagerie[index], loud)
    index += 1
armed = False
print(len(menagerie), touched)
sys.stdout.flush()
os._exit(0)
