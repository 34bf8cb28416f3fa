# SPDX-License-Identifier: MIT
"""The commands of a JSONQueueServer, and how a message becomes a call of one."""
import difflib
import inspect
import threading

from .describe import describe
from .queue_arguments import arrange
from .table import Method

_NAME_MAX = 200


class Command(Method):
    """A method of a server, or a function that was registered."""

    __slots__ = ()

    def arguments(self, data, request_id, are_positional=False):
        return arrange(self.signature(), data, are_positional)


class Handler(Method):
    """A function that is given the data as they are: what it takes is its own affair."""

    __slots__ = ()

    def signature(self):
        return None

    def arguments(self, data, request_id, are_positional=False):
        return (data, request_id), {}


class DefaultHandler(Handler):
    """For a command that there is not."""

    __slots__ = ("command",)

    def __init__(self, command, function):
        super().__init__(command, function)
        self.command = command

    def arguments(self, data, request_id, are_positional=False):
        return (self.command, data, request_id), {}


def _checked(name, function, what):
    if not isinstance(name, str) or not name:
        raise TypeError("%s: %r is no name of a command" % (what, name))
    if not callable(function):
        raise TypeError("%s: %r is not a function" % (what, function))
    return name


class Commands:
    """All commands by name. Those that every server has give way to others, and are not listed."""

    def __init__(self, methods, leave):
        self._lock = threading.Lock()
        self._commands = {name: Command(name, method) for name, method in methods.items()}
        self._built_in = {name: Command(name, function) for name, function in (
            ("exit", leave), ("shutdown", leave), ("__get_methods__", self._list))}
        self._default = None

    def add_method(self, name, method):
        self._add(Command(_checked(name, method, "register_method"), method))

    def add_handler(self, name, handler):
        self._add(Handler(_checked(name, handler, "register_handler"), handler))

    def set_default(self, handler):
        if handler is not None:
            _checked("default", handler, "set_default_handler")
        self._default = handler

    def _add(self, command):
        with self._lock:
            self._commands[command.name] = command

    def find(self, name):
        """The command; None: there is none, and nobody who deals with what is none."""
        command = self._commands.get(name) or self._built_in.get(name)
        if command is None and self._default is not None:
            return DefaultHandler(name, self._default)
        return command

    def has_async(self):
        with self._lock:
            return any(command.is_async for command in self._commands.values())

    def accepts_any(self):
        return self._default is not None

    def described(self):
        """What the daemon is told of them."""
        with self._lock:
            return {name: describe(command) for name, command in self._commands.items()}

    def _list(self):
        return {name: _listed(name, found) for name, found in self.described().items()}

    def absence(self, name):
        """What is told of a command that there is not, and the names that may have been meant."""
        near = difflib.get_close_matches(name, list(self._commands), n=3)
        message = 'there is no function "%s"' % name[:_NAME_MAX]
        if near:
            message += ": did you mean %s?" % " or ".join('"%s"' % other for other in near)
        return message, near


def _listed(name, described):
    parameters = [{"name": parameter["name"], "required": parameter["required"],
                   "type": parameter["type"]} for parameter in described["parameters"]]
    return {"name": name, "parameters": parameters, "return_type": described["returns"]["type"],
            "doc": described["doc"]}


def find_methods(server, base, every_public_one):
    """{name: method} of what a server has that is not the base class's own: what is marked as exposed,
    or every public one."""
    found = {}
    own = dir(base)  # and not hasattr(), which finds register() and mro() of the class's class, too
    for name in dir(type(server)):
        value = inspect.getattr_static(type(server), name)
        plain = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
        is_marked = getattr(plain, "_jumpboot_exposed", False) is True
        is_public = every_public_one and not name.startswith("_") and name not in own
        is_method = callable(plain) and not isinstance(plain, type)
        if is_method and (is_marked or is_public):
            found[name] = getattr(server, name)
    return found
