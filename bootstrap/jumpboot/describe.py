# SPDX-License-Identifier: MIT
"""What the daemon tells of a function: parameters, defaults, type hints and docstring."""
import inspect
import json

from .encode import deeper_than, encode, is_exact
from .errors import safe_repr, shorten
from .schema import schema_of

_DOC_MAX = 16384
_TYPE_MAX = 1024
_DEFAULT_MAX = 4096
_DEFAULT_DEPTH = 32
_REPR_MAX = 256
_READY_MAX = 2097152  # all descriptions together: the daemon reads a line of twice that
_SHORT_DOC = 256
_SHORT_TEXT = 64

_ANYTHING = (("args", inspect.Parameter.VAR_POSITIONAL), ("kwargs", inspect.Parameter.VAR_KEYWORD))


class _Shown:
    """Stands for a default or a hint in a signature's text."""

    def __init__(self, text):
        self._text = text

    def __repr__(self):
        return self._text


def _default_text(default):
    return shorten(safe_repr(default), _REPR_MAX)


def _type_text(annotation):
    if isinstance(annotation, str):
        return shorten(annotation, _TYPE_MAX)
    try:
        return shorten(inspect.formatannotation(annotation), _TYPE_MAX)
    except BaseException:  # the repr of an object that is used as a hint
        return type(annotation).__qualname__


def brief_signature(name, signature):
    """"name(a, b=1)": what arguments a function takes."""
    if signature is None:
        return name + "(...)"
    parameters = []
    for parameter in signature.parameters.values():
        if parameter.default is not parameter.empty:
            parameter = parameter.replace(default=_Shown(_default_text(parameter.default)))
        if parameter.annotation is not parameter.empty:
            parameter = parameter.replace(annotation=_Shown(_type_text(parameter.annotation)))
        parameters.append(parameter)
    return name + str(inspect.Signature(parameters))


def _hints(function):
    """The evaluated type hints; those that cannot be evaluated stay as they are."""
    plain = inspect.unwrap(function)
    raw = getattr(plain, "__annotations__", None)
    if not raw:
        return {}
    import typing
    try:
        return typing.get_type_hints(plain)
    except BaseException:  # evaluating a hint runs code of the program
        return dict(raw) if isinstance(raw, dict) else {}


def _is_small_json(value):
    try:
        text = encode(value)
        if len(text) > _DEFAULT_MAX or deeper_than(text, _DEFAULT_DEPTH):
            return False
        parsed = json.loads(text)
        return parsed == value and is_exact(parsed)
    except BaseException:  # whatever is not JSON, or refuses to be looked at
        return False


def _parameter(parameter, hints):
    variable = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    has_default = parameter.default is not parameter.empty
    annotation = parameter.annotation
    found = {
        "name": parameter.name,
        "kind": parameter.kind.name.lower(),
        "required": not (variable or has_default),
        "type": None if annotation is parameter.empty else _type_text(annotation),
        "schema": schema_of(hints.get(parameter.name)) if parameter.name in hints else {},
    }
    if has_default:
        found["default_repr"] = _default_text(parameter.default)
        if _is_small_json(parameter.default):
            found["default"] = parameter.default
    return found


def _document(function):
    try:
        doc = inspect.getdoc(function)
    except BaseException:  # __doc__ may be a property of the program's own
        return None
    return shorten(doc, _DOC_MAX) if isinstance(doc, str) else None


def describe(method):
    """The function's entry in the ready message."""
    signature = method.signature()
    hints = _hints(method.function)
    if signature is None:
        signature = inspect.Signature([inspect.Parameter(*item) for item in _ANYTHING])
    result = signature.return_annotation
    return {
        "doc": _document(method.function),
        "async": method.is_async,
        "parameters": [_parameter(parameter, hints)
                       for parameter in signature.parameters.values()],
        "returns": {
            "type": None if result is signature.empty else _type_text(result),
            "schema": schema_of(hints["return"]) if "return" in hints else {},
        },
    }


def _shorten_docs(described):
    if described["doc"]:
        described["doc"] = shorten(described["doc"].partition("\n\n")[0], _SHORT_DOC)


def _drop_schemas(described):
    for part in (*described["parameters"], described["returns"]):
        part["schema"] = {}


def _drop_defaults(described):
    for parameter in described["parameters"]:
        parameter.pop("default", None)
        if "default_repr" in parameter:
            parameter["default_repr"] = shorten(parameter["default_repr"], _SHORT_TEXT)


def _drop_texts(described):
    described["doc"] = described["returns"]["type"] = None
    for parameter in described["parameters"]:
        parameter["type"] = None
        if "default_repr" in parameter:
            parameter["default_repr"] = "…"


_REDUCTIONS = (("docstrings are shortened", _shorten_docs), ("schemas are left out", _drop_schemas),
               ("defaults are left out", _drop_defaults),
               ("docstrings and types are left out", _drop_texts))


def reduce(descriptions, size_max=_READY_MAX):
    """Takes away of the descriptions, the least important first, until they fit into one message.

    Returns what was done, for people; None if nothing had to be."""
    size = len(encode(descriptions, "descriptions"))
    done = []
    for what, reduction in _REDUCTIONS:
        if size <= size_max:
            break
        for described in descriptions.values():
            reduction(described)
        size = len(encode(descriptions, "descriptions"))
        done.append(what)
    if size > size_max:
        raise ValueError("the main module has %d functions, more than can be described in %d bytes:"
                         " narrow them with __all__ or @jumpboot.expose"
                         % (len(descriptions), size_max))
    return ", ".join(done) or None
