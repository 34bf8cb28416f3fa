# SPDX-License-Identifier: MIT
"""The signal by which the daemon interrupts a request, and where the exception may be raised.

The signal says no more than: look at the cell of the running request. The exception is raised only
in the frames above call(), or above the coroutine of an asynchronous function; so it can hit
neither the loop, nor the reading or writing of a request, nor another one. It is put off where
it would do harm: in our own code that a function calls, such as the output's, unless that just
waits for a call; where Python throws exceptions away; and in asyncio's own code, which other tasks
rely on.
"""
import _weakrefset
import inspect
import signal
import sys
import weakref
from _thread import get_ident, start_new_thread
from time import sleep

from . import interrupt
from .errors import is_of_asyncio, is_of_package
from .events import Events, awaited
from .inbox import wait_readable, wait_woken
from .interrupt import RequestInterrupted, call, interruption

_SIGNAL = signal.SIGUSR1
_FIRST_DELAY, _DELAY_GROWTH, _LAST_DELAY = 0.001, 1.25, 0.02  # seconds

_CALL, _AWAITED, _RUN = call.__code__, awaited.__code__, Events.run.__code__
_WAITS = (wait_readable.__code__, wait_woken.__code__)
_IS_COROUTINE = inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE
_FINALIZERS = (weakref.__file__, _weakrefset.__file__)

# Where the signal has come: elsewhere than in a request, where the exception can be raised, where
# it cannot be raised just now, in the event loop while the request's own task waits.
_ELSEWHERE, _HERE, _LATER, _IN_LOOP = range(4)


def _is_guarded(code):
    """Whether an exception does harm in this frame or below it, or is thrown away there."""
    return (is_of_package(code.co_filename) or code.co_name == "__del__"
            or code.co_filename in _FINALIZERS)


class Interrupter:
    def __init__(self, pages, events, current):
        self._pages = pages
        self._events = events
        self._current = current
        self._main = get_ident()
        self._delivered = 0  # the ordinal of the last request that was interrupted
        self._retried = 0  # the ordinal of the last one for which a thread was started
        self._has_come = False  # a signal that has not been looked at
        self._looking = 0  # the ordinal of the request at whose signal it is being looked
        self._next_hook = None

    def install(self):
        """To be called before any code of the program runs: its own handler takes precedence."""
        signal.signal(_SIGNAL, self._handle)
        interrupt.look = self.look
        self._next_hook = sys.unraisablehook
        sys.unraisablehook = self._unraisable

    def after_fork(self):
        """In a child: the signal means nothing there."""
        if signal.getsignal(_SIGNAL) == self._handle:
            signal.signal(_SIGNAL, signal.SIG_DFL)

    def _handle(self, number, frame):
        self._has_come = True
        self._look(frame)

    def _look(self, frame):
        """Deals with the signals that have come; one that comes meanwhile leaves it at that."""
        while self._has_come:
            ordinal = self._pages.counters[0]
            if self._looking == ordinal:
                return
            self._looking = ordinal
            try:
                self._has_come = False
                self._deliver(frame)
            except RecursionError:
                self._put_off()
            finally:
                self._looking = 0

    def _deliver(self, frame):
        """Interrupts the running request, which is at this frame, if the daemon wants it."""
        cell = self._pages.unwanted()
        if not cell or self._delivered == cell >> 1:
            return
        place = self._place(frame)
        if place == _HERE:
            self._delivered = cell >> 1
            # Python calls handlers by their numbers. So that one which came before, and is to show
            # the stack, is called while it is there, have it look for signals once more.
            signal.raise_signal(_SIGNAL)
            raise interruption(cell)
        if place == _IN_LOOP and self._events.cancel():
            self._delivered = cell >> 1
        elif place == _LATER:
            self._put_off()

    def _place(self, frame):
        top, is_guarded, is_machinery = frame, False, False
        seen = set()  # a deep stack is of few functions
        if frame.f_code in _WAITS:  # what of ours has called it is made for that
            while is_of_package(frame.f_code.co_filename) and frame.f_code is not _CALL:
                frame = frame.f_back
        while frame is not None:
            code = frame.f_code
            if code is _CALL:
                if frame is top and frame.f_locals["method"].is_async:
                    return _ELSEWHERE  # Events.run() looks itself, once it has the coroutine
                return _LATER if is_guarded else _HERE
            if code is _AWAITED and self._events.is_at(frame):
                return _LATER if is_guarded or is_machinery else _HERE
            if code is _RUN:
                return _IN_LOOP
            if id(code) not in seen:
                seen.add(id(code))
                is_guarded = is_guarded or _is_guarded(code)
                # One of asyncio's coroutines that waits for the program's can be interrupted there.
                waits = frame is not top and code.co_flags & _IS_COROUTINE
                is_machinery = is_machinery or not waits and is_of_asyncio(code.co_filename)
            frame = frame.f_back
        return _ELSEWHERE

    def _put_off(self):
        """Has it tried again as soon as our own code is left, and every now and then."""
        self._current.deferred = self._resume
        ordinal = self._pages.counters[0]
        if self._retried != ordinal:
            self._retried = ordinal
            # The thread is to take no signal: it is the main thread that has to be woken up.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                start_new_thread(self._retry, (ordinal,))
            except RuntimeError:  # there may be no more threads: the daemon ends the worker then
                pass
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _resume(self):
        """Called by what has put it off, at its end."""
        if get_ident() == self._main:
            self._current.deferred = None
            self._has_come = True
            self._look(sys._getframe(1).f_back)

    def look(self):
        """Looks from where our own code, that of the caller, was called."""
        if get_ident() == self._main:
            frame = sys._getframe(1)
            while frame is not None and is_of_package(frame.f_code.co_filename):
                frame = frame.f_back
            self._current.deferred = None
            self._has_come = True
            self._look(frame)

    def _retry(self, ordinal):
        delay = _FIRST_DELAY
        while True:
            sleep(delay)
            if self._delivered == ordinal or self._pages.unwanted() >> 1 != ordinal:
                return
            signal.pthread_kill(self._main, _SIGNAL)
            delay = min(delay * _DELAY_GROWTH, _LAST_DELAY)

    def _unraisable(self, unraisable):
        """What Python throws away, and would only tell of: ours is raised once more."""
        if issubclass(unraisable.exc_type, RequestInterrupted) and get_ident() == self._main:
            self._delivered = self._retried = 0
            self._put_off()
        else:
            self._next_hook(unraisable)
