# SPDX-License-Identifier: MIT
"""From a type hint to a JSON schema of what stands on the wire."""
import collections.abc as abc
import json

from .encode import encode, is_exact

_DEPTH_MAX = 8
_VALUES_MAX = 256

_SIMPLE = {
    ("builtins", "bool"): {"type": "boolean"},
    ("builtins", "int"): {"type": "integer"},
    ("builtins", "float"): {"type": "number"},
    ("builtins", "str"): {"type": "string"},
    ("builtins", "NoneType"): {"type": "null"},
    ("builtins", "bytes"): {"type": "string", "contentEncoding": "base64"},
    ("builtins", "bytearray"): {"type": "string", "contentEncoding": "base64"},
    ("datetime", "datetime"): {"type": "string", "format": "date-time"},
    ("datetime", "date"): {"type": "string", "format": "date"},
    ("datetime", "time"): {"type": "string", "format": "time"},
    ("datetime", "timedelta"): {"type": "number"},
    ("decimal", "Decimal"): {"type": "string"},
    ("uuid", "UUID"): {"type": "string", "format": "uuid"},
}


def schema_of(hint):
    """The schema of a hint; {} (anything) where there is nothing to say."""
    try:
        return _schema(hint, 0)
    except BaseException:  # a hint may be any object and do anything when it is looked at
        return {}


def _schema(hint, depth):
    import typing
    if depth > _DEPTH_MAX:  # a class that contains itself
        return {}
    if hint is None:
        return {"type": "null"}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"enum": list(arguments)} if _are_json(arguments) else {}
    if origin is typing.Union or type(hint).__name__ == "UnionType":  # int | None of 3.10
        return {"anyOf": [_schema(argument, depth + 1) for argument in arguments]}
    if hasattr(hint, "__metadata__"):  # Annotated
        return _schema(hint.__origin__, depth + 1)
    if hasattr(hint, "__supertype__"):  # NewType
        return _schema(hint.__supertype__, depth + 1)
    kind = origin or hint
    return _class_schema(kind, arguments, depth) if isinstance(kind, type) else {}


def _class_schema(kind, arguments, depth):
    if issubclass(kind, tuple) and not hasattr(kind, "_fields"):
        return _tuple_schema(arguments, depth)
    if hasattr(kind, "__total__") and issubclass(kind, dict):  # TypedDict
        return _members_schema(kind, list(kind.__annotations__), kind.__required_keys__, depth)
    if hasattr(kind, "__dataclass_fields__"):
        return _dataclass_schema(kind, depth)
    if any(base.__module__ == "enum" and base.__qualname__ == "Enum" for base in kind.__mro__):
        values = [member.value for member in kind]
        return {"enum": values} if _are_json(values) else {}
    for base in kind.__mro__:
        simple = _SIMPLE.get((base.__module__, base.__qualname__))
        if simple is not None:
            return dict(simple)
    return _collection_schema(kind, arguments, depth)


def _collection_schema(kind, arguments, depth):
    if any(base.__qualname__ == "PathLike" or base.__qualname__ == "PurePath"
           for base in kind.__mro__):
        return {"type": "string"}
    if issubclass(kind, abc.Mapping):
        schema = {"type": "object"}
        if len(arguments) == 2 and _schema(arguments[1], depth + 1):
            schema["additionalProperties"] = _schema(arguments[1], depth + 1)
        return schema
    if issubclass(kind, abc.Iterable):
        schema = {"type": "array"}
        if issubclass(kind, abc.Set):
            schema["uniqueItems"] = True
        if len(arguments) == 1 and _schema(arguments[0], depth + 1):
            schema["items"] = _schema(arguments[0], depth + 1)
        return schema
    return {}


def _tuple_schema(arguments, depth):
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", "items": _schema(arguments[0], depth + 1)}
    schema = {"type": "array"}
    if arguments and arguments != ((),):
        schema["items"] = [_schema(argument, depth + 1) for argument in arguments]
        schema["minItems"] = schema["maxItems"] = len(arguments)
    return schema


def _dataclass_schema(kind, depth):
    import dataclasses
    fields = dataclasses.fields(kind)
    required = [field.name for field in fields if field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING]
    return _members_schema(kind, [field.name for field in fields], required, depth)


def _members_schema(kind, names, required, depth):
    import typing
    hints = typing.get_type_hints(kind)
    if not is_exact(names):  # a TypedDict may have any text as a key
        return {"type": "object"}
    return {
        "type": "object",
        "properties": {name: _schema(hints[name], depth + 1) for name in names},
        "required": [name for name in names if name in required],
    }


def _are_json(values):
    if len(values) > _VALUES_MAX:
        return False
    try:
        parsed = json.loads(encode(values))
        return parsed == list(values) and is_exact(parsed)
    except (TypeError, ValueError):
        return False
