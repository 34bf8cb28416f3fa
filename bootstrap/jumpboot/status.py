# SPDX-License-Identifier: MIT
"""The status pipe: one JSON line for each thing that the daemon is told about the worker."""
import threading

from .encode import encode
from .errors import TEXT_MAX, exact_argument, shorten
from .pipe import write_all


_LINE_MAX = 2097152  # the daemon reads a line of twice that


def _exact(description):
    """A described exception with arguments and causes that can stand in a message."""
    cause = description["cause"]
    return {**description, "args": [exact_argument(value) for value in description["args"]],
            "cause": None if cause is None else _exact(cause)}


def _line(message):
    return encode(message).encode("ascii") + b"\n"


class Status:
    def __init__(self, fd):
        self._fd = fd
        self._lock = threading.Lock()

    def _send(self, message):
        self._write(_line(message))

    def _write(self, line):
        with self._lock:
            write_all(self._fd, line)

    @staticmethod
    def line_of_ready(methods, **traits):
        """methods None: those that the template told. traits: counters, whether the worker counts its
        requests in the shared pages; any_command, whether it takes commands that are not among its
        methods; positional, whether it is to be told what arguments of calls are positional."""
        told = {} if methods is None else {"methods": methods}
        has = {name: True for name, value in traits.items() if value}
        return _line({"type": "status", "message": "ready", **told, **has})

    def ready(self, line):
        self._write(line)

    def methods(self, methods, accepts_any):
        """Others than those that the worker was ready with."""
        self._send({"type": "status", "message": "methods", "methods": methods,
                    "any_command": accepts_any})

    def template(self, methods, unfit):
        """unfit None: workers can be forked from here."""
        self._send({"type": "status", "message": "template", "methods": methods, "unfit": unfit})

    def debugger(self, waits):
        """Whether the worker waits for a debugger before it goes on to start."""
        self._send({"type": "status", "message": "debugger", "waits": waits})

    def exit(self):
        self._send({"type": "status", "message": "exit"})

    def log(self, level, message):
        self._send({"type": "log", "level": level, "message": shorten(message, TEXT_MAX)})

    def exception(self, stage, description):
        message = {"type": "exception", "stage": stage, **_exact(description)}
        line = _line(message)
        if len(line) > _LINE_MAX:
            line = _line({**message, "args": [], "cause": None})
        self._write(line)

    def after_fork(self):
        self._lock = threading.Lock()
