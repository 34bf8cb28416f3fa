# SPDX-License-Identifier: MIT
"""Calls that are under way from this worker to others, whoever reads the answers.

For code within this package:

    calls = Calls(write, max_size)      write(line) puts one whole line, bytes, on Pipe_out
    call = calls.begin("program.function", data, timeout, within)
                                        sends it, from any thread; within: the request_id of the
                                        request that it belongs to. Raises a CallError, TypeError or
                                        ValueError if it cannot be sent
    calls.take(message)                 hands in an answer, a parsed line without "command"; one
                                        that nobody waits for is dropped
    calls.take_line(line)               the same for a line as text, which is parsed by whoever
                                        waits for it
    calls.end(within, error)            the request has ended: its calls raise the error. within
                                        None: all calls, such as at the end of the pipe
    call.wait()                         blocks until the answer has been taken by another thread,
                                        and returns the result or raises what it tells
    await call.awaited()                the same for a coroutine
    call.abandon()                      nobody waits any more; wait() and awaited() do that
                                        themselves when an exception ends them

The daemon answers every call that was sent once, at its deadline at the latest.
"""
import itertools
import threading
import time
from _queue import SimpleQueue
from collections import deque

from .call_errors import (
    CallCancelled, CallTimeout, CallTooLarge, CallUnavailable, failure, local)
from .decode import scan
from .encode import encode

UNDER_WAY_MAX = 64  # of one worker; the daemon has the same limit. What is more waits for its turn

_ID = '{"request_id":"py-'
_ID_START = len(_ID) - len("py-")
_RESULT, _ERROR = '","result":', '","error":'
_YEAR = 31536000.0  # seconds: more the daemon does not know
_TIMEOUT_MAX = 32  # bytes that a timeout may take in the line


def is_answer(line):
    """Whether a line that came from the daemon answers a call."""
    return line.startswith(_ID)


def _parse(line, after_id):
    """The result that an answer line tells, or its exception raised."""
    start = after_id + len(_RESULT)
    if line.startswith(_RESULT, after_id):
        try:
            return scan(line, start)[0]
        except (ValueError, StopIteration, RecursionError) as error:
            raise ValueError("the result cannot be read: %s" % error) from None
    raise failure(scan(line, after_id + len(_ERROR))[0])


class Call:
    """One call. Its answer is there once `is_over` is set."""

    __slots__ = ("id", "within", "until", "parts", "is_sent", "is_over", "wake", "_calls",
                 "_answer", "_error")

    def __init__(self, calls, call_id, within, until):
        self.id = call_id
        self.within = within
        self.until = until  # on the monotonic clock, where there is a timeout of its own
        self.parts = ()  # of the line: what comes before the timeout, and after it
        self.is_sent = self.is_over = False
        self.wake = None  # called, by any thread, when it is over, or its waiter is to look around
        self._calls = calls
        self._answer = self._error = None

    def finish(self, answer=None, error=None):
        """Called once, by whoever takes it out of the table."""
        self._answer, self._error = answer, error
        self.is_over = True
        wake = self.wake
        if wake is not None:
            wake()

    def result(self):
        """What a call that is over has come to."""
        answer, self._answer = self._answer, None
        if self._error is not None:
            raise self._error
        if isinstance(answer, str):
            return _parse(answer, _ID_START + len(self.id))
        if "error" in answer:
            raise failure(answer["error"])
        return answer.get("result")

    def wait(self, pause=SimpleQueue.get):
        """Blocks until it is over, while another thread reads; pause: how the queue is waited at."""
        try:
            queue = SimpleQueue()
            self.wake = lambda: queue.put(None)
            while not self.is_over:
                pause(queue)
            return self.result()
        finally:
            self.wake = None
            self.abandon()

    async def awaited(self):
        """The same for a coroutine of any loop."""
        try:
            future = self._future()
            if not self.is_over:
                await future
            return self.result()
        finally:
            self.wake = None
            self.abandon()

    def _future(self):
        """A future of the running loop that is done when the call is over."""
        import asyncio
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def settle():
            if not future.done():
                future.set_result(None)

        def wake():
            if not self.is_over:
                return
            if asyncio._get_running_loop() is loop:
                settle()
                return
            try:
                loop.call_soon_threadsafe(settle)
            except RuntimeError:  # the loop was closed: nobody waits
                pass

        self.wake = wake
        return future

    def abandon(self):
        if not self.is_over:
            self._calls.abandon(self)


class Calls:
    def __init__(self, write, max_size=0):
        self.open = {}  # those that are not over, by their ids
        self.strays = 0  # those whose answers will come, but are not waited for
        self.writing = threading.Lock()  # held while a line is on its way to the pipe
        self._write = write
        self._max_size = max_size
        self._numbers = itertools.count(1)
        self._sent = 0  # how many are under way, strays included
        self._held = deque()  # what waits for its turn
        self._over = None  # the error of all that are begun from now on

    def begin(self, command, data, timeout=None, within=None, is_wanted=lambda: True):
        """is_wanted() is asked once the call is in the table, where end() finds it: it is not sent
        if the request has ended meanwhile."""
        if not isinstance(command, str):
            raise TypeError("a call's first argument is \"program.function\", not %r" % (command,))
        until = None if timeout is None else time.monotonic() + _seconds(timeout)
        call = Call(self, "py-%d" % next(self._numbers), within, until)
        call.parts = _parts(call.id, encode(command, "the function's name"),
                            encode(data, "arguments"), within)
        self._check_size(call)
        self.open[call.id] = call
        if self._over is not None or not is_wanted():
            self.end(within, self._over)
        try:
            self._send(call)
        except BaseException:
            self.abandon(call)
            raise
        return call

    def _check_size(self, call):
        size = sum(map(len, call.parts)) + _TIMEOUT_MAX
        if self._max_size and size > self._max_size:
            raise local(CallTooLarge, "the arguments have %d bytes: max_request_size is %d"
                        % (size, self._max_size), kind="too_large", size=size,
                        limit=self._max_size)

    def _send(self, call):
        """Sends it, or keeps it until it is its turn."""
        with self.writing:
            if call.is_over:
                return
            if self._sent >= UNDER_WAY_MAX:
                self._held.append(call)
                return
            left = None if call.until is None else call.until - time.monotonic()
            if left is not None and left <= 0:
                if self.open.pop(call.id, None):
                    call.finish(error=local(CallTimeout, "Timed out before it was its turn",
                                            kind="timeout", stage="queue", started=False))
                return
            call.is_sent = True
            self._sent += 1
            before, after = call.parts
            call.parts = ()
            try:
                self._write(before + (b"" if left is None else b',"timeout":%.6f' % left) + after)
            except BrokenPipeError:
                raise local(CallUnavailable, "the daemon has gone", kind="unavailable") from None

    def _answered(self):
        """One that was under way is not any more: whose turn it is now goes."""
        while self._held and self._sent < UNDER_WAY_MAX:
            try:
                held = self._held.popleft()
            except IndexError:  # another thread was faster
                return
            self._send(held)

    def take(self, message):
        self._take(message.get("request_id"), message)

    def take_line(self, line):
        self._take(line[_ID_START:line.find('"', _ID_START)], line)

    def _take(self, call_id, answer):
        with self.writing:
            call = self.open.pop(call_id, None)
            if call is None and not self.strays:
                return
            self.strays -= call is None
            self._sent -= 1
        if call is not None:
            call.finish(answer)
        if self._held:
            self._answered()

    def abandon(self, call):
        """Nobody waits for it any more: the daemon is told, and its answer will be dropped."""
        with self.writing:
            if self.open.pop(call.id, None) is None:
                return
            call.is_over = True
            if call.is_sent:
                self.strays += 1
                try:
                    self._write(b'{"command":"$/cancelRequest","data":{"id":"%s"}}\n'
                                % call.id.encode("ascii"))
                except BrokenPipeError:  # nobody is left who could do anything for it
                    pass

    def end(self, within=None, error=None):
        """Ends all calls of a request, or all there are, with this error. After that none of them
        is sent any more, nor is one being sent."""
        with self.writing:
            ended = [call for call in list(self.open.values()) if within in (None, call.within)]
            for call in ended:
                self.open.pop(call.id, None)
                self.strays += call.is_sent
                call.finish(error=error or _ended())

    def close(self, error):
        """No answer will come any more, to none."""
        self._over = error
        self.end(None, error)


def _ended():
    return local(CallCancelled, "the request within which the call was made has ended",
                 kind="cancelled")


def _parts(call_id, command, data, within):
    before = '{"request_id":"%s","command":%s,"data":%s' % (call_id, command, data)
    after = "}\n" if within is None else ',"for":%s}\n' % encode(str(within))
    return before.encode("ascii"), after.encode("ascii")


def _seconds(timeout):
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError("timeout is a number of seconds, or None: not %r" % (timeout,))
    if not timeout > 0:
        raise ValueError("timeout is a number of seconds over 0, or None: not %r" % (timeout,))
    return min(float(timeout), _YEAR)
