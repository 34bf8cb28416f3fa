# SPDX-License-Identifier: MIT
"""The functions that clients may call, found once, when the main module has run."""
import difflib
import functools
import inspect
import types

from .describe import brief_signature, describe

SHORT = 50000  # nanoseconds: what takes longer is worth a system call or two


def _plain(function):
    """The function that lies under decorators and partials."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = inspect.unwrap(function)
        else:
            return function


def _code(function):
    plain = _plain(function)
    code = getattr(plain, "__code__", None)
    return code or getattr(getattr(type(plain), "__call__", None), "__code__", None)


def _is_async(function):
    candidates = (function, _plain(function), getattr(type(function), "__call__", None))
    return any(inspect.iscoroutinefunction(candidate) for candidate in candidates)


class Method:
    """One callable function."""

    __slots__ = ("name", "function", "is_async", "wary")

    def __init__(self, name, function):
        self.name = name
        self.function = function
        self.is_async = _is_async(function)
        self.wary = 1  # how many calls are still to be seen before it is taken for a short one

    def took(self, nanoseconds):
        """A call took so long. A long one is remembered for as many calls as it took microseconds;
        what is asynchronous may always wait for something."""
        if nanoseconds > SHORT:
            self.wary = max(self.wary, nanoseconds // 1000)
        elif not self.is_async:
            self.wary -= 1

    def misfit(self, data, error):
        """What is wrong with the arguments, if it is they that a TypeError is about; else None."""
        args, kwargs = ((), data) if isinstance(data, dict) else (data, {})
        return self.misfit_of(args, kwargs, error)

    def misfit_of(self, args, kwargs, error):
        code, trace = _code(self.function), error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code is code:
                return None  # it was called, so they did fit
            trace = trace.tb_next
        signature = self.signature()
        if signature is None:
            return None
        try:
            signature.bind(*args, **kwargs)
        except TypeError as misfit:
            return "%s: %s" % (self.usage(), misfit)
        return None

    def signature(self):
        try:
            return inspect.signature(self.function)
        except (TypeError, ValueError):  # some functions written in C have none
            return None

    def usage(self):
        """"name(a, b=1)", for people."""
        return brief_signature(self.name, self.signature())


class Table:
    """All methods by name."""

    def __init__(self, functions):
        self.methods = {name: Method(name, function) for name, function in functions.items()}

    def holds(self, functions):
        """Whether these are what it was made of."""
        return (self.methods.keys() == functions.keys() and all(
            self.methods[name].function is function for name, function in functions.items()))

    def describe(self):
        return {name: describe(method) for name, method in self.methods.items()}

    def near(self, name):
        """Names that may have been meant."""
        return difflib.get_close_matches(name, self.methods, n=3)


def _is_own_function(value):
    """Whether the main module defines it: a function, or one under a decorator such as
    functools.lru_cache."""
    if isinstance(value, types.FunctionType):
        return value.__module__ == "__main__"
    try:
        return (callable(value) and not isinstance(value, type)
                and isinstance(value.__wrapped__, types.FunctionType)
                and value.__module__ == "__main__")
    except Exception:  # an object that does what it likes when it is asked for an attribute
        return False


def _named_in_all(main, names):
    found = {}
    for name in names:
        if not isinstance(name, str) or name not in main.__dict__:
            raise AttributeError("__all__ of the main module names %r, which it does not define"
                                 % (name,))
        value = main.__dict__[name]
        if callable(value) and not isinstance(value, type):
            found[name] = value
    return found


def find_functions(main, hooks):
    """{name: function}: what @expose marked, else what __all__ names, else what the main module
    itself defines and does not hide with an underscore."""
    if hooks.exposed:
        return dict(hooks.exposed)
    if "__all__" in main.__dict__:
        return _named_in_all(main, main.__dict__["__all__"])
    hidden = [id(function) for function in (*hooks.on_start, *hooks.on_exit)]
    return {name: value for name, value in main.__dict__.items()
            if not name.startswith("_") and id(value) not in hidden and _is_own_function(value)}
