# SPDX-License-Identifier: MIT
"""What the program's decorators have marked."""
import keyword


class Hooks:
    """The functions that a program exposes and those for a worker's beginning and end."""

    def __init__(self):
        self.exposed = {}
        self.on_start = []
        self.on_exit = []
        self.late = None  # called with a text once the functions have been told to the daemon

    def expose(self, name, function):
        if isinstance(function, type) or not callable(function):
            raise TypeError("jumpboot.expose: %r is not a function" % (function,))
        _check_name(name)
        if self.exposed.get(name, function) is not function:
            raise ValueError('jumpboot.expose: there is a function "%s" already' % name)
        if self.late:
            self.late('jumpboot.expose: "%s" comes too late: the functions of a worker are those '
                      "that it had when it became ready" % name)
        else:
            self.exposed[name] = function
        return function

    def add_start(self, function):
        _check_hook("on_start", function)
        if self.late:
            self.late("jumpboot.on_start: %r comes too late and is not run" % (function,))
        else:
            self.on_start.append(function)
        return function

    def add_exit(self, function):
        _check_hook("on_exit", function)
        self.on_exit.append(function)
        return function


def _check_name(name):
    for part in name.split("."):
        if not part.isidentifier() or keyword.iskeyword(part):
            raise ValueError('jumpboot.expose: "%s" cannot be a function\'s name: its parts '
                             "(between dots) must be Python identifiers" % name)


def _check_hook(decorator, function):
    if not callable(function):
        raise TypeError("jumpboot.%s: %r is not a function; write @jumpboot.%s without arguments"
                        % (decorator, function, decorator))


hooks = Hooks()


def expose(function, /):
    """Makes a function callable by clients: @expose, or @expose("name.with.dots").

    Once it has been used, only the functions so marked are callable.
    """
    if isinstance(function, str):
        return lambda named: hooks.expose(function, named)
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        raise TypeError('jumpboot.expose: %r has no name; give one: jumpboot.expose("name")(...)'
                        % (function,))
    return hooks.expose(name, function)


def on_start(function, /):
    """Marks a function to be run in each worker before its first request, in the order marked."""
    return hooks.add_start(function)


def on_exit(function, /):
    """Marks a function to be run when a worker ends in good order, the last marked first."""
    return hooks.add_exit(function)
