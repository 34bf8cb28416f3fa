# SPDX-License-Identifier: MIT
"""jumpboot.call() and jumpboot.acall(), and what they go through.

A link is what a worker calls through: here() gives the request_id of the calling code or None,
begin(method, data, timeout, within), wait(call) and awaited(call) are as in calls.py. The worker's
own loop makes one; a program that reads Pipe_in itself sets its own by use().
"""
from .call_errors import refused_outside
from .calls import Calls
from .inbox import Inbox
from .origin import Origin
from .pipe import write_all

_link = None


def use(link):
    """From now on calls go through this link; None: none can be made."""
    global _link
    _link = link


class Link:
    """That of the worker's own loop."""

    def __init__(self, pipe_in, pipe_out, max_size, current):
        self.current = current
        self.origin = Origin(current)
        self.before_call = lambda: None  # the loop's, as long as it serves
        self.calls = Calls(self._write, max_size)
        self._pipe_out = pipe_out
        self.inbox = Inbox(pipe_in, self.calls)
        self.wait, self.awaited = self.inbox.wait, self.inbox.awaited

    def _write(self, line):
        self.before_call()
        write_all(self._pipe_out, line)

    def begin(self, method, data, timeout):
        if self.current.forked:
            raise refused_outside("a process that was forked off a worker cannot call: only the "
                                  "worker itself can")
        serial = self.origin.here()
        if serial is None:
            raise refused_outside(
                "jumpboot.call() is for functions that run for a caller: at import, in on_start "
                "and on_exit functions and in threads that no function has started there is none")
        if not self.origin.is_running(serial):
            raise refused_outside("the request that this thread or task belongs to has ended")
        return self.calls.begin(method, data, timeout, serial,
                                lambda: self.origin.is_running(serial))


def _begin(method, args, kwargs, timeout):
    if args and kwargs:
        raise TypeError("a call has positional or keyword arguments, not both: JSON-RPC has the "
                        "one or the other")
    if _link is None:
        raise refused_outside("jumpboot.call() needs a worker of jumpbootd that is ready")
    return _link.begin(method, kwargs or list(args), timeout)


def call(method, /, *args, timeout=None, **kwargs):
    """Calls "program.function" and returns its result. It takes no longer than the function that
    calls may take, nor than timeout (seconds). Raises a CallError, such as RemoteError for what the
    function raised and CallTimeout, which is a TimeoutError."""
    started = _begin(method, args, kwargs, timeout)
    return _link.wait(started)


async def acall(method, /, *args, timeout=None, **kwargs):
    """The same as call() for a coroutine: others run meanwhile, and several calls at once can be
    under way (asyncio.gather)."""
    started = _begin(method, args, kwargs, timeout)
    return await _link.awaited(started)
