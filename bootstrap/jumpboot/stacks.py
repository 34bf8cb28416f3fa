# SPDX-License-Identifier: MIT
"""The stacks of a worker's threads and tasks, as text for the daemon.

They go to the descriptor of the shared pages, at its own offset, which the daemon moves and reads.
One signal asks for all of them: Python writes them when it comes to it, and ends the text with a
byte of its own. Another one asks faulthandler for that of the main thread alone: for a worker that
is in C code, and does not come to it. While Python code runs, faulthandler may look at a frame that
is just being made or left, and crash. What it tells of a fatal error is written there, too.
"""
import faulthandler
import itertools
import os
import signal
import sys
from _thread import get_ident

from .errors import is_machinery, is_of_package
from .pages import SIZE

_SHOW, _DUMP = signal.SIGRTMIN + 8, signal.SIGRTMIN + 9
_END = b"\0"
_THREADS_MAX = 100
_TASKS_MAX = 100
_FRAMES_MAX = 100


def _place(frame):
    code = frame.f_code
    return '  File "%s", line %s in %s' % (code.co_filename, frame.f_lineno, code.co_name)


def _thread(ident, frame):
    """A line for a thread, and one for each of its frames, as faulthandler has them."""
    yield "Thread 0x%016x (most recent call first):" % ident
    count = 0
    while frame is not None and count < _FRAMES_MAX:
        yield _place(frame)
        frame, count = frame.f_back, count + 1


def _threads(frame):
    """Those of all threads, the one that was at this frame first."""
    while frame is not None and is_machinery(frame.f_code.co_filename):
        frame = frame.f_back  # it was about to be interrupted, and is to be seen before
    yield from _thread(get_ident(), frame)
    for ident, other in itertools.islice(sys._current_frames().items(), _THREADS_MAX):
        if ident != get_ident():
            yield ""
            yield from _thread(ident, other)


def _frames(coroutine):
    """The suspended frames of a coroutine and all that it awaits, the innermost last."""
    while coroutine is not None:
        for prefix, awaits in (("cr", "await"), ("gi", "yieldfrom"), ("ag", "await")):
            frame = getattr(coroutine, prefix + "_frame", None)
            if frame is not None:
                yield frame
                coroutine = getattr(coroutine, "%s_%s" % (prefix, awaits))
                break
        else:
            return


def _lines(task, title):
    yield "\n%s (most recent call first):" % title
    frames = [frame for frame in itertools.islice(_frames(task.get_coro()), _FRAMES_MAX)
              if not is_of_package(frame.f_code.co_filename)]
    yield from map(_place, reversed(frames))


class Stacks:
    def __init__(self, events):
        self._events = events
        self._fd = None

    def install(self, fd):
        """To be called before any code of the program runs: its own handler takes precedence."""
        if self._fd == fd:  # in a worker that was forked: it has the same number
            return
        self._fd = fd
        signal.signal(_SHOW, self._show)
        faulthandler.register(_DUMP, file=fd, all_threads=False)
        faulthandler.enable(fd)

    def after_fork(self):
        """In a child: what it has to tell is not for the daemon."""
        if self._fd is not None:
            faulthandler.unregister(_DUMP)
            if signal.getsignal(_SHOW) == self._show:
                signal.signal(_SHOW, signal.SIG_DFL)
            if faulthandler.is_enabled():
                faulthandler.enable(2)
            self._fd = None

    def _show(self, number, frame):
        text = b""
        try:
            for line in itertools.chain(_threads(frame), self._tasks()):
                text += line.encode("utf-8", "backslashreplace") + b"\n"
        except BaseException:  # a task of the program's own making, no memory, no stack
            pass
        try:
            room = SIZE - os.lseek(self._fd, 0, os.SEEK_CUR) - len(_END)
            os.write(self._fd, text[:max(room, 0)] + _END)
        except OSError:  # no room at all
            pass

    def _tasks(self):
        """A line for each task, and one for each of its frames."""
        asyncio, loop = sys.modules.get("asyncio"), self._events.loop
        if asyncio is None or loop is None or loop.is_closed():
            return
        own, running = self._events.task, asyncio.current_task(loop)
        for task in itertools.islice(asyncio.all_tasks(loop), _TASKS_MAX):
            title = 'Task "%s"' % task.get_name()
            title += ", of the request" if task is own else ""
            title += ", running" if task is running else ""
            yield from _lines(task, title)
