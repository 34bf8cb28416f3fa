# SPDX-License-Identifier: MIT
"""Pipe_in of the worker's own loop, while a function waits for its calls.

The loop reads the pipe between requests. While a function runs, whoever waits for a call does: one
thread at a time is the reader. It hands the answers to those who wait for them, and keeps what is
for the loop. An event loop reads when it is told that something is there.

wait_readable() and wait_woken() are the frames in which an interrupt may be raised: they hold
nothing that could be lost. A signal handler of the program may raise anywhere here. So what is read
goes from the pipe to a list within one call of C code, and each further step leaves all as it was
until one call of C code changes it; what was left undone then is done by who comes next.
"""
import mmap
import os
import select
import threading
from _queue import SimpleQueue

from .call_errors import CallUnavailable, local
from .calls import is_answer

READ_SIZE = 65536  # what a pipe has at one time
_ROOM_SIZE = 1048576  # for a line that comes in pieces, at first; what is not filled costs nothing


def decode(lines):
    """The daemon sends UTF-8. Bytes that are not become escapes that JSON does not allow."""
    return str(lines, "utf-8", "backslashreplace")


def wait_readable(poll):
    poll.poll()


def wait_woken(queue):
    queue.get()


class Inbox:
    def __init__(self, fd, calls):
        self._fd = fd
        self._calls = calls
        self._reading = threading.Lock()  # held by the reader
        self._main = threading.get_ident()
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._thread_poll = None  # that of readers other than the main thread, and ...
        self._alarm = None  # ... the two ends of the pipe by which the loop gets them back
        self._loops = {}  # how many calls of each event loop are waited for
        self.begun = 0  # how many bytes have come of a line whose end has not
        self._room = None  # where they lie
        # Texts for the worker's loop, of whole lines and in their order. Behind them, as bytes, what
        # has been read and not been dealt with.
        self.requests = []
        self._answers = ()  # lines that are to be handed out

    # Threads

    def wait(self, call):
        """The call's result, once it is there."""
        try:
            while not call.is_over:
                if not self._read_for(call):
                    self._follow(call)
            return call.result()
        finally:
            call.abandon()

    def _read_for(self, call):
        """Reads until the call is over. False: another thread reads."""
        is_reader = []
        try:
            self._acquire(is_reader)
            if not is_reader[0]:
                return False
            poll = self._poll if threading.get_ident() == self._main else self._recallable_poll()
            while not call.is_over:
                if self._is_behind():
                    self._sort()
                    continue
                wait_readable(poll)
                if not call.is_over:
                    self._read()
            return True
        finally:
            self._release(is_reader)

    def _acquire(self, is_reader):
        """Tries to become the reader, and notes whether that is so within one call of C code."""
        is_reader.extend(map(self._reading.acquire, (False,)))

    def _release(self, is_reader):
        if is_reader and is_reader[0]:
            self._reading.release()
            self._hand_over()

    def _recallable_poll(self):
        if self._thread_poll is None:
            alarm = os.pipe()
            self._thread_poll = select.poll()
            self._thread_poll.register(self._fd, select.POLLIN)
            self._thread_poll.register(alarm[0], select.POLLIN)
            self._alarm = alarm
        return self._thread_poll

    def _follow(self, call):
        """Another thread reads: waits until the call is over, or that one reads no more."""
        queue = SimpleQueue()
        call.wake = lambda: queue.put(None)
        try:
            if call.is_over:
                return
            if not self._reading.locked():  # it has stopped, and has not seen this one
                return
            wait_woken(queue)
        finally:
            call.wake = None

    def _hand_over(self):
        """Whoever still waits looks whether it is to read now."""
        for call in list(self._calls.open.values()):
            wake = call.wake
            if wake is not None:
                wake()

    # Event loops

    async def awaited(self, call):
        """The same as wait() for a coroutine."""
        import asyncio
        loop = asyncio.get_running_loop()
        count = self._loops.get(loop, 0)
        self._loops[loop] = count + 1
        if count == 0:
            loop.add_reader(self._fd, self._readable)
        try:
            return await call.awaited()
        finally:
            self._loops[loop] -= 1
            if self._loops[loop] == 0:
                del self._loops[loop]
                if not loop.is_closed():
                    loop.remove_reader(self._fd)

    def _readable(self):
        """An event loop has been told so; another reader may have been faster."""
        is_reader = []
        try:
            self._acquire(is_reader)
            if is_reader[0] and self._calls.open and self._poll.poll(0):
                self._read()
        finally:
            self._release(is_reader)

    # The pipe

    def _read(self):
        """Reads once, and deals with the lines that are whole. To be called by the reader."""
        try:
            self.requests.extend(map(os.read, (self._fd,), (READ_SIZE,)))
        except BlockingIOError:
            return
        self._sort()

    def _is_behind(self):
        """Whether an exception has kept what was read from being dealt with."""
        return self._answers or self.requests and self.requests[-1].__class__ is bytes

    def _sort(self):
        """Hands out the answers among what was read, and keeps the rest."""
        raw = [part for part in self.requests if part.__class__ is bytes]
        if raw:
            self._separate(raw)
        while self._answers:
            answer, *self._answers = self._answers
            self._calls.take_line(answer)
        if raw and not raw[-1]:
            self._calls.close(local(CallUnavailable, "the daemon has gone", kind="unavailable"))

    def _separate(self, raw):
        chunk, texts = b"".join(raw), self.requests[:-len(raw)]
        end = chunk.rfind(b"\n") + 1
        if end:
            lines = self._text(chunk[:end]).split("\n")
            text = "\n".join(line for line in lines if not is_answer(line))
            answers = (*self._answers, *filter(is_answer, lines))
            texts += [text] if text else []
            rest = chunk[end:]
            vars(self).update(begun=0, _answers=answers, requests=[*texts, rest] if rest else texts)
            self._give_back()
        else:
            rest = chunk
        vars(self).update(begun=self._keep(rest), requests=texts)

    def whole_lines(self, chunk):
        """The text of the lines that are whole with what the loop has read; the rest is kept."""
        end = chunk.rfind(b"\n") + 1
        text = ""
        with memoryview(chunk) as view:
            if end:
                text = self._text(view[:end])
                self.begun = 0
                self._give_back()
            self.begun = self._keep(view[end:])
        return text

    def _keep(self, piece):
        """Puts it behind what has begun, and gives the end of both. Memory that is mapped grows
        without a copy, and that which is kept costs no page faults when the next line comes."""
        room, size = self._room, self.begun + len(piece)
        if size == 0:
            return 0
        if room is None:
            room = self._room = mmap.mmap(-1, _ROOM_SIZE,
                                          flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if size > len(room):
            room.resize(2 * size)
        room[self.begun:size] = piece
        return size

    def _text(self, end):
        """That of what has begun, and ends with this."""
        if not self.begun:
            return decode(end)
        size = self._keep(end)
        with memoryview(self._room) as view, view[:size] as lines:
            return decode(lines)

    def _give_back(self):
        """What a long line has taken."""
        if self._room is not None and len(self._room) > _ROOM_SIZE:
            self._room.resize(_ROOM_SIZE)

    def take_requests(self):
        """As one text."""
        if self._is_behind():
            self._sort()
        texts, self.requests = self.requests, []
        return "".join(texts)

    def without_answers(self, text):
        """Of lines that the worker's loop has read, those that are for it."""
        lines = text.split("\n")
        kept = [line for line in lines if not is_answer(line)]
        if len(kept) == len(lines):
            return text
        for line in filter(is_answer, lines):
            self._calls.take_line(line)
        return "\n".join(kept)

    def end_request(self):
        """No call is waited for any more, and nobody but the worker's loop reads."""
        self._calls.end()
        if self._reading.acquire(False):
            self._reading.release()
            return
        alarm = self._alarm
        if alarm is not None:  # else the reader does not wait, or has not seen yet that it is over
            os.write(alarm[1], b"\0")
        with self._reading:
            if alarm is not None:
                os.read(alarm[0], 1)
