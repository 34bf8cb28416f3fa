# SPDX-License-Identifier: MIT
"""From Python objects that JSON does not know to such that it does.

The classes are found by their names along the type's ancestry, so that none of their modules is
imported here: a program that never uses numpy or decimal does not pay for them.
"""
import binascii
import os
from collections import abc


class Unconvertible(TypeError):
    """The text says what the object is, and what to return instead: it follows "result is"."""


def _base64(data):
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def _set(items):
    try:
        return sorted(items)
    except TypeError:  # of mixed types: then there is no order to keep
        return list(items)


def _dataclass(value):
    return {name: getattr(value, name) for name in type(value).__dataclass_fields__
            if hasattr(value, name)}


def _numpy_time(value):
    """numpy.datetime64 and timedelta64, alone or in arrays, as the text of their dates or as
    seconds; other kinds are refused."""
    import numpy
    if value.dtype.kind == "m":
        return (value / numpy.timedelta64(1, "s")).tolist()
    if numpy.isnat(value).any():
        raise Unconvertible("NaT (not a time), which JSON does not know: return None")
    return numpy.datetime_as_string(value).tolist()


def _numpy_scalar(value):
    if value.dtype.kind in "mM":
        return _numpy_time(value)
    item = value.item()
    # A long double has no counterpart in Python and stays what it was.
    return item if type(item) is not type(value) else float(value)


def _numpy_array(value):
    if value.dtype.kind in "mM":
        return _numpy_time(value)
    if value.dtype.kind == "f" and value.dtype.itemsize > 8:
        return value.astype("float64").tolist()
    return value.tolist()


def _fspath(path):
    return os.fsdecode(os.fspath(path))


_RULES = {
    ("builtins", "bytes"): _base64,
    ("builtins", "bytearray"): _base64,
    ("builtins", "memoryview"): _base64,
    ("builtins", "set"): _set,
    ("builtins", "frozenset"): _set,
    ("array", "array"): list,
    ("datetime", "date"): lambda value: value.isoformat(),  # a datetime is a date as well
    ("datetime", "time"): lambda value: value.isoformat(),
    ("datetime", "timedelta"): lambda value: value.total_seconds(),
    ("decimal", "Decimal"): str,
    ("uuid", "UUID"): str,
    ("enum", "Enum"): lambda value: value.value,
    ("numpy", "generic"): _numpy_scalar,
    ("numpy", "ndarray"): _numpy_array,
}

# Tried after the rules: classes of the caller's own that behave like these.
_KINDS = (
    (os.PathLike, _fspath),
    (abc.Mapping, dict),
    (abc.Set, _set),
    ((abc.Sequence, abc.ValuesView), list),
)

_ADVICE = (
    (abc.Coroutine, "a coroutine, which nobody awaited: call it with await"),
    (abc.AsyncIterator, "an asynchronous iterator: collect it and return a list"),
    (abc.Iterator, "an iterator, which JSON does not know: return a list"),
    (type, "a class, which JSON does not know"),
    (complex, "a complex number, which JSON does not know: return its real and imaginary parts"),
)


def convert(value):
    """The object one step nearer to JSON; raises Unconvertible if it has no such form."""
    kind = type(value)
    for ancestor in kind.__mro__:
        rule = _RULES.get((ancestor.__module__, ancestor.__qualname__))
        if rule is not None:
            return rule(value)
    if hasattr(kind, "__dataclass_fields__"):
        return _dataclass(value)
    for kinds, rule in _KINDS:
        if isinstance(value, kinds):
            return rule(value)
    for kinds, advice in _ADVICE:
        if isinstance(value, kinds):
            raise Unconvertible(advice)
    raise Unconvertible("of type %s.%s, which JSON does not know: return its parts as a dict or "
                        "a list" % (kind.__module__, kind.__qualname__))
