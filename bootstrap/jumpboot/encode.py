# SPDX-License-Identifier: MIT
"""From a result to its JSON text, or to an error that says what in it cannot be told, and where."""
import json
import json.encoder
import math
import re
import sys

from .convert import Unconvertible, convert

DEPTH_MAX = 254  # the daemon's limit is 256, and an answer stands in a batch and in an object
_SAFE_RECURSION = 3000  # nested calls of the encoder that surely fit on the C stack
_SHOWN_KEY = 60
_INT_MIN, _INT_MAX = -2 ** 63, 2 ** 64 - 1

# Half of a pair of UTF-16 without its other half, as the encoder escapes it, and in a string.
_LONE_ESCAPE = re.compile(r"\\ud[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..)\\ud[c-f]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _prepare():
    """A function from an object to text. The json module makes its C encoder anew for each call
    of its public functions; one that is made once is several times faster for small results."""
    try:
        encoder = json.encoder.c_make_encoder(
            None, convert, json.encoder.encode_basestring_ascii, None, ":", ",", False, False,
            False)
        join = "".join
        if join(encoder({"a": [1, None]}, 0)) == '{"a":[1,null]}':
            return lambda value: join(encoder(value, 0))
    except (AttributeError, TypeError):  # another json module than those known
        pass
    return json.JSONEncoder(default=convert, check_circular=False, allow_nan=False,
                            separators=(",", ":")).encode


_encode = _prepare()

# Results that need no encoder to be made ready.
_SIMPLE = {int: int.__repr__, str: json.encoder.encode_basestring_ascii,
           bool: {True: "true", False: "false"}.__getitem__, type(None): lambda value: "null"}


def _encode_shallow(value):
    """Encodes with a recursion limit that the C stack can bear, whatever the program has set."""
    limit = sys.getrecursionlimit()
    if limit <= _SAFE_RECURSION:
        return _encode(value)
    sys.setrecursionlimit(_SAFE_RECURSION)
    try:
        return _encode(value)
    finally:
        sys.setrecursionlimit(limit)


def _has_more_than(limit, text):
    """Whether it has more brackets. One is found far quicker than all are counted, if there are
    few, as in a long string."""
    count = 0
    for bracket in "[", "{":
        at = text.find(bracket)
        while at >= 0:
            count += 1
            if count > limit:
                return True
            at = text.find(bracket, at + 1)
    return False


def deeper_than(text, limit):
    """Whether the brackets of a JSON text, in ASCII, are nested deeper than so many levels."""
    if not _has_more_than(limit, text):
        return False
    text = text.encode("ascii")
    outside = b"".join(text.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    nested = outside.translate(_BRACKETS, _NOT_BRACKETS)
    while nested and limit:  # each turn takes the innermost level away
        nested = nested.replace(b"[]", b"")
        limit -= 1
    return bool(nested)


def encode(value, place="result"):
    """The JSON text of a value, ASCII only; raises TypeError or ValueError with the place."""
    try:
        text = _SIMPLE.get(value.__class__, _encode_shallow)(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise fault(value, place) or error from None
    if len(text) > 2 * DEPTH_MAX and deeper_than(text, DEPTH_MAX):
        raise fault(value, place) or _too_deep(place)
    # An escaped backslash leaves something behind: what stood on its two sides is no pair.
    if "\\" in text and "\\ud" in text and _LONE_ESCAPE.search(text.replace("\\\\", " ")):
        raise fault(value, place) or _not_text(place)
    return text


def is_exact(value):
    """Whether the daemon's JSON library reads this parsed JSON and tells it as it is: it keeps
    integers of 64 bits, and no NUL in keys. The value's depth has been looked at before."""
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, int):
        return _INT_MIN <= value <= _INT_MAX
    if isinstance(value, dict):
        return all(is_exact(key) and is_exact(item) for key, item in value.items())
    return not isinstance(value, list) or all(map(is_exact, value))


def _not_text(place):
    return ValueError("%s contains half of a surrogate pair, which is no text: bytes that are "
                      "not UTF-8 can be returned as bytes" % place)


def _too_deep(place):
    return ValueError("%s is nested deeper than %d levels" % (place.partition("[")[0], DEPTH_MAX))


def fault(value, place="result", depth=0, above=()):
    """The error that tells what keeps a value from being JSON; None if nothing does."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _not_text(place) if _SURROGATE.search(value) else None
    if isinstance(value, float):
        return None if math.isfinite(value) else ValueError(
            "%s is %s: JSON has neither NaN nor infinity" % (place, float.__repr__(value)))
    if isinstance(value, int):
        return _int_fault(value, place)
    if id(value) in above:
        return ValueError("%s contains itself" % place)
    above = (*above, id(value))
    if isinstance(value, (list, tuple, dict)):
        if depth == DEPTH_MAX:
            return _too_deep(place)
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return _items_fault(items, isinstance(value, dict), place, depth + 1, above)
    try:
        return fault(convert(value), place, depth, above)
    except Unconvertible as error:
        return TypeError("%s is %s" % (place, error))


def _int_fault(value, place):
    try:
        int.__repr__(value)
    except ValueError as error:
        return ValueError("%s is too large an integer: %s" % (place, error))
    return None


def _items_fault(items, keyed, place, depth, above):
    for key, item in items:
        if keyed and not (key is None or isinstance(key, (str, int, float))):
            return TypeError("%s has a key of type %s (%s): JSON allows keys that are str, int, "
                             "float, bool or None" % (place, type(key).__qualname__, _shown(key)))
        if keyed and fault(key) is not None:
            return ValueError("%s has a key that cannot be told: %s" % (place, fault(key)))
        found = fault(item, "%s[%s]" % (place, _shown(key)), depth, above)
        if found is not None:
            return found
    return None


def _shown(key):
    try:
        text = json.dumps(key) if isinstance(key, str) else repr(key)
    except BaseException:  # a repr of the program's own may raise whatever it likes
        text = "<%s>" % type(key).__qualname__
    return text if len(text) <= _SHOWN_KEY else text[:_SHOWN_KEY] + "…"
