# SPDX-License-Identifier: MIT
"""What jumpboot.call() raises: from the error object of an answer to an exception.

CallError is the base of all of them; which one it is depends on data.kind.
"""


class CallError(Exception):
    """A call that got an error instead of a result."""

    __module__ = "jumpboot"

    def __init__(self, message, code=None, data=None):
        super().__init__(message)
        self.message = message
        self.code = code  # as in the JSON-RPC error; None: the call never left this worker
        self.data = data or {}

    @property
    def kind(self):
        return self.data.get("kind")

    def __reduce__(self):
        return type(self), (self.message, self.code, self.data)


class RemoteError(CallError):
    """The function raised an exception; its traceback is shown with this one."""

    __module__ = "jumpboot"

    @property
    def exception(self):
        """The name of the exception's type: "ValueError", "package.Error"."""
        return self.data.get("exception")

    @property
    def remote_message(self):
        return self.data.get("message")

    @property
    def remote_args(self):
        """Its arguments, those that are not JSON as their repr()."""
        return tuple(self.data.get("args") or ())

    @property
    def traceback(self):
        return self.data.get("traceback") or ""


class CallTimeout(CallError, TimeoutError):
    """The time for the call is over."""

    __module__ = "jumpboot"


class CallCancelled(CallError):
    """Nobody waits for the call any more: the request in which it was made has ended."""

    __module__ = "jumpboot"


class CallRefused(CallError):
    """The call may not be made: data["reason"] is "deadlock", "depth", "limit" or "outside"."""

    __module__ = "jumpboot"


class CallUnavailable(CallError):
    """The program cannot serve just now: overloaded, unavailable, or shutting down."""

    __module__ = "jumpboot"


class MethodNotFound(CallError):
    """There is no such program or function, or the outermost caller may not call it."""

    __module__ = "jumpboot"


class InvalidParams(CallError):
    """The arguments do not fit the function's signature."""

    __module__ = "jumpboot"


class WorkerDied(CallError):
    """The worker that ran the function died."""

    __module__ = "jumpboot"


class CallTooLarge(CallError):
    """The arguments or the result are over the size limit."""

    __module__ = "jumpboot"


class RemoteTraceback(Exception):
    """Shows where the exception was raised, as the cause of a RemoteError."""

    __module__ = "jumpboot"

    def __str__(self):
        return '\n"""\n%s"""' % self.args[0]


_CLASSES = {
    "exception": RemoteError,
    "timeout": CallTimeout,
    "cancelled": CallCancelled,
    "call_refused": CallRefused,
    "overloaded": CallUnavailable,
    "unavailable": CallUnavailable,
    "shutting_down": CallUnavailable,
    "method_not_found": MethodNotFound,
    "invalid_params": InvalidParams,
    "worker_died": WorkerDied,
    "too_large": CallTooLarge,
}


def failure(error):
    """The exception for an error object."""
    if not isinstance(error, dict):
        return CallError("an error that is no object: %r" % (error,))
    data = error.get("data")
    data = data if isinstance(data, dict) else {}
    kind, detail = data.get("kind"), data.get("detail")
    message = str(error.get("message", ""))
    if isinstance(detail, str):
        message = "%s: %s" % (message, detail) if message else detail
    found = _CLASSES.get(kind, CallError) if isinstance(kind, str) else CallError
    made = found(message, error.get("code"), data)
    if isinstance(data.get("traceback"), str) and data["traceback"]:
        made.__cause__ = RemoteTraceback(data["traceback"])
    return made


def local(found, message, **data):
    """An exception of what the worker itself knows to be wrong."""
    return found(message, None, data)


def refused_outside(message):
    return local(CallRefused, message, kind="call_refused", reason="outside")
