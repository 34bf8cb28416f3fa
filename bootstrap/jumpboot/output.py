# SPDX-License-Identifier: MIT
"""sys.stdout and sys.stderr of a worker: whole lines, each marked with the request that wrote it.

A line of request 17 goes out as RS 17 RS line; one written outside of requests as it is. Lines that
were written to standard error in one piece are one entry of the log: the mark of all but the last
ends with GS, and has no number outside of requests. The daemon takes the marks off.
"""
import io
import sys
import threading

from .pipe import write_all

_MARK = b"\x1e"
_MORE = b"\x1d"
_HELD_MAX = 65536


class Current:
    """What the worker is at."""

    __slots__ = ("serial", "partial", "forked", "deferred")

    def __init__(self):
        self.serial = None  # of the request that is running
        self.partial = False  # output waits for the end of its line
        self.forked = False  # this is a child that has forked off the worker
        self.deferred = None  # an interrupt came during a write, which is to call this at its end


class LineWriter(io.RawIOBase):
    """The binary side. Writes lines when they are whole, and never raises for a broken pipe."""

    def __init__(self, fd, name, current, joins=False):
        self._fd = fd
        self.name = name
        self._joins = joins  # what was written in one piece
        self.mode = "wb"
        self._current = current
        self._held = bytearray()  # the beginning of a line
        self._begun = False  # a beginning of the current line has been written already
        self._holding = True
        self._lock = threading.RLock()

    def writable(self):
        return True

    def fileno(self):
        return self._fd

    def close(self):
        """Does nothing: the next request writes here, too."""

    def write(self, data):
        with memoryview(data) as view, self._lock:
            size = view.nbytes
            self._held += view.cast("B") if size else b""
            end = self._held.rfind(b"\n") + 1
            if end:
                self._emit(end)
            if self._held and (not self._holding or len(self._held) > _HELD_MAX):
                self._emit(len(self._held))
            if self._held or self._begun:
                self._current.partial = True
        deferred = self._current.deferred
        if deferred is not None:
            deferred()
        return size

    def _emit(self, end):
        """Writes what is held up to `end`, each line that begins there with its mark."""
        text = bytes(self._held[:end])
        del self._held[:end]
        lines = text.split(b"\n")
        last = len(lines) - (1 if lines[-1] else 2)
        first = 1 if self._begun else 0
        self._begun = lines[-1] != b""
        follows = self._joins and bool(self._held)  # print() writes the last newline by itself
        joins = self._joins and last > first or follows
        mark = self._mark(joins)
        for number in range(first, last + 1):
            line = lines[number]
            if mark:
                has_more = joins and (number < last or follows)
                lines[number] = (mark[:-1] + _MORE if has_more else mark) + line
            elif line.startswith(_MARK):  # a mark of the program's own making
                lines[number] = b"\\x1e" + line[1:]
        try:
            write_all(self._fd, b"\n".join(lines))
        except OSError:
            pass  # nobody reads: the function is not to suffer for it

    def _mark(self, joins):
        serial = self._current.serial
        if serial is None:
            return _MARK + _MARK if joins else b""
        return _MARK + serial.encode("ascii") + _MARK

    def end_line(self):
        """Ends a line that has been begun."""
        with self._lock:
            if self._held or self._begun:
                self._held += b"\n"
                self._emit(len(self._held))

    def stop_holding(self):
        """From now on writes the parts of lines as they come."""
        with self._lock:
            self._holding = False
            if self._held:
                self._emit(len(self._held))

    def after_fork(self):
        """In a child: what is held is the parent's to write, and so is the lock."""
        self._lock = threading.RLock()
        self._held.clear()
        self._holding = False


class Output:
    """Both streams of the worker."""

    def __init__(self, out_fd, err_fd):
        self.current = Current()
        self._writers = (LineWriter(out_fd, "<stdout>", self.current),
                         LineWriter(err_fd, "<stderr>", self.current, joins=True))

    def install(self):
        """Makes these the standard streams, whatever the program has put in their place."""
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(writer, encoding="utf-8", errors="backslashreplace", newline="\n",
                             write_through=True)
            for writer in self._writers)
        sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr

    def complain(self, text):
        """Writes to standard error, whatever the program has made of sys.stderr."""
        self._writers[1].write(text.encode("utf-8", "backslashreplace"))

    def end_lines(self):
        """To be called at the end of a request if current.partial is set."""
        self.current.partial = False
        for writer in self._writers:
            writer.end_line()

    def stop_holding(self):
        for writer in self._writers:
            writer.stop_holding()

    def after_fork(self):
        self.current.forked = True
        self.current.deferred = None
        for writer in self._writers:
            writer.after_fork()
