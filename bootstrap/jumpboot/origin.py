# SPDX-License-Identifier: MIT
"""Which request a piece of code belongs to, by its request_id.

The main thread belongs to the request that is running. A task belongs to the request that began it,
a thread to the one that started it, and what is submitted to a ThreadPoolExecutor to the one that
submits it: all of them may outlive it.
"""
import functools
import threading
from contextvars import ContextVar
from _thread import get_ident

_request = ContextVar("jumpboot_request")


class Origin:
    """Knows the running request by current.serial."""

    def __init__(self, current):
        self._current = current
        self._main = get_ident()

    def here(self):
        """The request of the calling code, whether it still runs or not; None: there is none."""
        serial = _request.get(None)
        if serial is not None:
            return serial
        if get_ident() == self._main:
            return self._current.serial
        return getattr(threading.current_thread(), "_jumpboot_request", None)

    def forget_main(self):
        """The main thread runs no requests."""
        self._main = None

    def is_running(self, serial):
        return serial == self._current.serial

    def follow_threads(self):
        start = threading.Thread.start

        @functools.wraps(start)
        def start_within(thread):
            thread._jumpboot_request = self.here()
            return start(thread)

        threading.Thread.start = start_within

    def follow_executors(self, module):
        """To be called with concurrent.futures.thread."""
        submit = module.ThreadPoolExecutor.submit

        @functools.wraps(submit)
        def submit_within(executor, function, /, *args, **kwargs):
            serial = self.here()
            if serial is None:
                return submit(executor, function, *args, **kwargs)
            return submit(executor, run_within, serial, function, *args, **kwargs)

        module.ThreadPoolExecutor.submit = submit_within


def run_within(serial, function, /, *args, **kwargs):
    """Calls a function as a part of that request."""
    token = _request.set(serial)
    try:
        return function(*args, **kwargs)
    finally:
        _request.reset(token)
