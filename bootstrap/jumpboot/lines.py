# SPDX-License-Identifier: MIT
"""Lines over two descriptors, each with a time limit: what JSONQueue is made of.

Several threads may read and write; each gets and puts whole lines.
"""
import os
import select
import threading
import time
from collections import deque

_READ_SIZE = 65536
_WRITE_SIZE = 4096  # a pipe that can be written to takes as much at once, without waiting


def descriptor_of(pipe, what):
    """The descriptor of a file object, or one that is given as its number."""
    fileno = pipe if isinstance(pipe, int) and not isinstance(pipe, bool) else None
    if fileno is None:
        try:
            fileno = pipe.fileno()
        except (AttributeError, OSError, ValueError) as error:
            raise TypeError("%s is %r, which is neither a file with a descriptor nor the number of "
                            "one: %s" % (what, pipe, error)) from None
    if fileno < 0:
        raise ValueError("%s is %d, which is no descriptor" % (what, fileno))
    return fileno


class Limit:
    """How long a call may wait."""

    def __init__(self, block, timeout):
        if timeout is not None and timeout < 0:
            raise ValueError("timeout is %r: it must not be negative" % (timeout,))
        self._block = block
        self._end = None if timeout is None else time.monotonic() + timeout

    def left(self):
        """Seconds; None: for ever."""
        if not self._block:
            return 0
        return None if self._end is None else max(self._end - time.monotonic(), 0)

    def over(self, what):
        """What is raised once nothing is left."""
        return TimeoutError(what) if self._block else BlockingIOError(what)

    def acquire(self, lock, what):
        left = self.left()
        if not lock.acquire(timeout=-1 if left is None else left):
            raise self.over(what)


class Bell:
    """Wakes up the threads that wait for a descriptor; once rung it stays so."""

    def __init__(self):
        self._lock = threading.Lock()
        self._read = self._write = self._pid = -1
        self.has_rung = False

    def _open(self):
        """When it is first needed; a process that was forked has a bell of its own."""
        with self._lock:
            if self._pid != os.getpid():
                self._close()
                self._read, self._write = os.pipe()
                self._pid = os.getpid()

    def _close(self):
        for fd in (self._read, self._write):
            if fd >= 0:
                os.close(fd)

    def ring(self):
        if not self.has_rung:
            self._open()
            self.has_rung = True
            os.write(self._write, b"!")

    def wait(self, fd, event, left):
        """Waits for the descriptor's event, or the bell; False if nothing came in time."""
        self._open()
        poll = select.poll()
        poll.register(fd, event)
        poll.register(self._read, select.POLLIN)
        return bool(poll.poll(None if left is None else left * 1000))

    def __del__(self):
        self._close()


class LineReader:
    """The lines that come from a descriptor. What was read and not asked for yet is kept."""

    def __init__(self, fd):
        self.fd = fd
        self.over = threading.Event()  # there will be no more
        self._bell = Bell()
        self._lock = threading.Lock()
        self._lines = deque()
        self._kept = deque()  # messages that look() has left to get()
        self._parts = []  # of a line whose end has not come

    def get(self, limit, read=bytes):
        """What read() makes of the next line, which comes without its newline; of lines of which it
        makes None, that of the next. A line that comes too late is the next call's."""
        limit.acquire(self._lock, "another thread waits for the next message")
        try:
            message = self._kept.popleft() if self._kept else None
            while message is None:
                message = read(self._next(limit))
            return message
        finally:
            self._lock.release()

    def look(self, limit, read, is_enough):
        """Reads one line, unless is_enough() by now, and keeps what read() makes of it for get().
        False: another thread reads, which does the same."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            message = None if is_enough() else read(self._next(limit))
            if message is not None:
                self._kept.append(message)
            return True
        finally:
            self._lock.release()

    def _next(self, limit):
        while not self._lines:
            if self.over.is_set():
                raise EOFError("there will be no more messages")
            if not self._bell.wait(self.fd, select.POLLIN, limit.left()):
                raise limit.over("no message has come")
            if not self._bell.has_rung:
                self._read()
        return self._lines.popleft()

    def _read(self):
        try:
            chunk = os.read(self.fd, _READ_SIZE)
        except BlockingIOError:  # somebody else has read it
            return
        if not chunk:
            self.over.set()
            return
        *ended, rest = chunk.split(b"\n")
        if ended:
            ended[0] = b"".join(self._parts) + ended[0]
            self._parts.clear()
            self._lines.extend(ended)
        if rest:
            self._parts.append(rest)

    def stop(self):
        """No more messages, from now on. Returns when nobody reads any more."""
        self.over.set()
        self._bell.ring()
        with self._lock:
            self._lines.clear()
            self._kept.clear()


class LineWriter:
    """Lines that go to a descriptor, each as a whole, or not at all."""

    def __init__(self, fd):
        self.fd = fd
        self._bell = Bell()
        self._lock = threading.Lock()
        self._rest = memoryview(b"")  # of the line that is being written

    def put(self, line, limit):
        """Writes bytes that end with a newline. If there is no time to begin, nothing is written;
        once it has begun, the line counts as written, and a thread does the rest if it must."""
        limit.acquire(self._lock, "another message is being written")
        self._rest = memoryview(line)
        try:
            if not self._write(limit) and len(self._rest) == len(line):
                raise limit.over("the pipe is full, and nobody has read from it")
        finally:
            self._leave(len(line))

    def _write(self, limit):
        """Whether all of it could be written in time."""
        while self._rest:
            if not self._bell.wait(self.fd, select.POLLOUT, limit.left()):
                return False
            if self._bell.has_rung:
                raise BrokenPipeError("the queue is closed")
            try:
                self._rest = self._rest[os.write(self.fd, self._rest[:_WRITE_SIZE]):]
            except BlockingIOError:  # a descriptor that takes less than a pipe does
                pass
        return True

    def _leave(self, length):
        if not 0 < len(self._rest) < length:
            self._lock.release()
            return
        try:
            threading.Thread(target=self._finish, daemon=True).start()
        except RuntimeError:  # there may be no more threads
            self._finish()

    def _finish(self):
        """Goes on with a line that has been begun, while others wait for their turn."""
        try:
            self._write(Limit(True, None))
        except OSError:
            pass  # nobody reads any more: whoever writes next is told
        finally:
            self._lock.release()

    def stop(self):
        """Nothing more is written, from now on. Returns when nobody writes any more."""
        self._bell.ring()
        with self._lock:
            pass
