# SPDX-License-Identifier: MIT
"""From an exception to what the daemon and its clients are told of it."""
import importlib
import json
import os
import sys
import traceback
import types

from .encode import deeper_than, encode, is_exact
from .missing import Beside

TEXT_MAX = 16384
TRACEBACK_MAX = 65536
_ARGUMENT_MAX = 4096
_ARGUMENTS_MAX = 32
_ARGUMENT_DEPTH = 32
_CAUSES_MAX = 8
_FRAMES_KEPT = 500  # at each end of a deep stack

_PACKAGE_FOLDER = os.path.dirname(__file__) + "/"
_MACHINERY = ("<jumpboot bootstrap>", _PACKAGE_FOLDER + "interrupter.py")
_IMPORTLIB = ("<frozen importlib", os.path.dirname(importlib.__file__) + "/")


def shorten(text, limit):
    """Cuts the middle out of a text that is too long, and escapes surrogates."""
    if len(text) > limit:
        cut = "\n[… %d characters cut …]\n" % (len(text) - limit)
        half = max((limit - len(cut)) // 2, 0)
        text = text[:half] + cut + text[len(text) - half:]
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def name_of(kind):
    """An exception's name as a traceback shows it."""
    name = type.__dict__["__qualname__"].__get__(kind)  # a metaclass cannot say otherwise
    try:
        module = kind.__module__
    except BaseException:
        module = None
    if not isinstance(module, str) or module in ("builtins", "__main__"):
        return name
    return module + "." + name


def safe_repr(value):
    try:
        return shorten(repr(value), _ARGUMENT_MAX)
    except BaseException:  # a repr may raise whatever it likes, and so may all that follow here
        return "<%s whose repr() failed>" % type(value).__qualname__


def _text_of(error):
    try:
        return shorten(str(error), TEXT_MAX)
    except BaseException:
        return "<str() of this %s failed>" % type(error).__qualname__


def _argument(value):
    """An argument as JSON if it is such and small, else its repr."""
    try:
        text = encode(value)
        if len(text) <= _ARGUMENT_MAX and not deeper_than(text, _ARGUMENT_DEPTH):
            return value
    except BaseException:
        pass
    return safe_repr(value)


def exact_argument(value):
    """An argument as it can stand in a status message: see is_exact()."""
    return value if is_exact(json.loads(encode(value))) else safe_repr(value)


def _arguments(error):
    try:
        args = error.args if isinstance(error.args, tuple) else ()
    except BaseException:  # a property of the program's own
        args = ()
    return [_argument(value) for value in args[:_ARGUMENTS_MAX]]


def is_machinery(filename):
    """Whether a frame is of the bootstrap, of the import system, or of what raises an interrupt: of
    no interest anywhere."""
    return filename in _MACHINERY or filename.startswith(_IMPORTLIB)


def is_of_package(filename):
    """Whether a frame is of the jumpboot package itself."""
    return filename.startswith(_PACKAGE_FOLDER)


def is_of_asyncio(filename):
    """Whether a frame is of the asyncio package."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and filename.startswith(os.path.dirname(asyncio.__file__) + "/")


def _is_loop(filename):
    """Whether a frame is of what calls the program's code: of no interest at the beginning."""
    return is_of_package(filename) or is_of_asyncio(filename)


def _trim(formatted, seen):
    """Drops the frames of the machinery from a TracebackException and all that hang on it."""
    if formatted is None or id(formatted) in seen:
        return
    seen.add(id(formatted))
    frames = [frame for frame in formatted.stack if not is_machinery(frame.filename)]
    while frames and _is_loop(frames[0].filename):
        del frames[0]
    formatted.stack[:] = frames
    for related in (formatted.__cause__, formatted.__context__,
                    *(getattr(formatted, "exceptions", None) or ())):
        _trim(related, seen)


def _left_out(count):
    """A frame that stands for so many others, and tells it as its place."""
    code = compile("frame()", "<%d frames are left out>" % count, "eval")
    return eval(code, {"frame": sys._getframe})


def _cut_deep_stack(error):
    """Leaves of a very deep stack the first and the last frames: to format all takes too long."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    cut = len(frames) - 2 * _FRAMES_KEPT
    if cut > 0:
        trace = types.TracebackType(frames[-_FRAMES_KEPT], _left_out(cut), 0, 1)
        for kept in reversed(frames[:_FRAMES_KEPT]):
            trace = types.TracebackType(trace, kept.tb_frame, kept.tb_lasti, kept.tb_lineno)
        error.__traceback__ = trace


def _cut_deep_stacks(error):
    """For an exception and all that hang on it."""
    pending, seen = [error], set()
    while pending:
        error = pending.pop()
        if isinstance(error, BaseException) and id(error) not in seen:
            seen.add(id(error))
            _cut_deep_stack(error)
            pending += (error.__cause__, error.__context__,
                        *(getattr(error, "exceptions", None) or ()))


def format_traceback(error, chain=True, limit=TRACEBACK_MAX):
    """The traceback as Python prints it, from the program's own code on."""
    try:
        _cut_deep_stacks(error)
        formatted = traceback.TracebackException(type(error), error, error.__traceback__)
        _trim(formatted, set())
        text = "".join(formatted.format(chain=chain))
    except BaseException:  # an exception whose parts raise when they are looked at
        text = "".join(traceback.format_tb(error.__traceback__))
        text += _title(name_of(type(error)), _text_of(error)) + "\n"
    return shorten(text, limit)


def _title(name, message):
    return "%s: %s" % (name, message) if message else name


def title(description):
    """"Type: text" of a described exception, as the last line of a traceback has it."""
    return _title(description["exception"], description["message"])


def _chain(error):
    """The exception and its causes, the nearest first, each once."""
    chain = []
    while error is not None and len(chain) <= _CAUSES_MAX:
        if any(error is known for known in chain):
            break
        chain.append(error)
        if error.__cause__ is not None:
            error = error.__cause__
        else:
            error = None if error.__suppress_context__ else error.__context__
    return chain


class Describer:
    """Makes the wire objects of a program's exceptions."""

    def __init__(self, main_path):
        self._beside = Beside(main_path)

    def describe(self, error):
        """{"exception", "message", "args", "traceback", "cause"}; the cause has the same members.

        The first traceback is that of the whole chain, the causes have each their own. Whatever
        happens meanwhile, at least the exception's name is told.
        """
        try:
            return self._describe_chain(error)
        except BaseException:  # no memory, no stack, or an exception that resists
            return {"exception": name_of(type(error)), "message": "", "args": [], "traceback": "",
                    "cause": None}

    def _describe_chain(self, error):
        description, hints = None, []
        for link in reversed(_chain(error)):
            hint = self._beside.hint(link)
            if hint and hint not in hints:
                hints.append(hint)
            text = (format_traceback(link) if link is error
                    else format_traceback(link, chain=False, limit=TEXT_MAX))
            description = self._describe(link, text, hint, description)
        description["traceback"] += "".join(hint + "\n" for hint in hints)
        return description

    def _describe(self, error, text, hint, cause):
        message = _text_of(error)
        return {
            "exception": name_of(type(error)),
            "message": "%s (%s)" % (message, hint) if hint else message,
            "args": _arguments(error),
            "traceback": text,
            "cause": cause,
        }
