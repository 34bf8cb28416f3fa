# SPDX-License-Identifier: MIT
"""Calls that a program makes which reads the messages itself: what caller.Link is to our own loop.

The answers come over the same pipe as the requests. Whoever reads that hands them in; where nobody
does, as in a program of one thread, it is read by whoever waits for an answer.
"""
from _queue import Empty, SimpleQueue

from .call_errors import CallTimeout, CallUnavailable, local, refused_outside
from .calls import Calls
from .lines import Limit

_LOOK = 0.5  # seconds after which it is seen at the latest that nobody reads any more
_FOREVER = Limit(True, None)


def _is_answer(message):
    return isinstance(message, dict) and "command" not in message and str(
        message.get("request_id")).startswith("py-")


class _Link:
    def __init__(self, writer, max_size):
        self.calls = Calls(lambda line: writer.put(line, _FOREVER), max_size)

    def take(self, message):
        """Whether it was an answer to a call."""
        if not _is_answer(message):
            return False
        self.calls.take(message)
        return True

    def close(self):
        """Nobody will read any more."""
        self.calls.close(local(CallUnavailable, "there will be no answers any more",
                               kind="unavailable"))


class OwnLink(_Link):
    """Over the worker's pipes: the daemon answers every call, in time."""

    def __init__(self, own, max_size):
        super().__init__(own.writer, max_size)
        self._own = own
        self._foreign = set()  # the ids of calls that the program has written by itself

    def begin(self, method, data, timeout):
        if self._own.is_forked():
            raise refused_outside("a process that was forked off a worker cannot call: only the "
                                  "worker itself can")
        serial = self._own.here()
        if serial is None:
            raise refused_outside("a call is made within a request: this program has none just now, "
                                  "or several, and cannot tell within which")
        if not self._own.is_unanswered(serial):
            raise refused_outside("the request that this thread or task belongs to has ended")
        return self.calls.begin(method, data, timeout, serial,
                                lambda: self._own.is_unanswered(serial))

    def note(self, message):
        """The program has written a call by itself, and will read the answer by itself."""
        self._foreign.add(message.get("request_id"))

    def is_foreign(self, call_id):
        return call_id in self._foreign

    def take(self, message):
        if _is_answer(message) and self.is_foreign(message["request_id"]):
            return False
        return super().take(message)

    def forget(self, call_id):
        """The program has read the answer to a call of its own."""
        self._foreign.discard(call_id)

    def wait(self, call):
        try:
            while not call.is_over:
                self._await(call)
            return call.result()
        finally:
            call.abandon()

    def _await(self, call):
        """Waits for a while, reading if nobody else does."""
        if self._own.read_for_call(call, Limit(True, _LOOK)):
            return
        queue = SimpleQueue()
        call.wake = lambda: queue.put(None)
        try:
            if not call.is_over:
                queue.get(timeout=_LOOK)
        except Empty:
            pass
        finally:
            call.wake = None

    async def awaited(self, call):
        if self._own.has_reader():
            return await call.awaited()
        import asyncio
        return await asyncio.get_running_loop().run_in_executor(None, self.wait, call)


class ForeignLink(_Link):
    """Over other pipes, whose other end may never answer. A thread reads."""

    def __init__(self, writer):
        super().__init__(writer, 0)

    def begin(self, method, data, timeout):
        call = self.calls.begin(method, data, timeout)
        return call, timeout

    def wait(self, begun):
        call, timeout = begun
        try:
            return call.wait(lambda queue: queue.get(timeout=timeout))
        except Empty:
            raise _late() from None

    async def awaited(self, begun):
        import asyncio
        call, timeout = begun
        try:
            return await asyncio.wait_for(call.awaited(), timeout)
        except asyncio.TimeoutError:
            raise _late() from None


def _late():
    return local(CallTimeout, "nobody has answered in time", kind="timeout")
