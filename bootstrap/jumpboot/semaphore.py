# SPDX-License-Identifier: MIT
"""Named semaphores of POSIX, the same that C programs open with sem_open(3)."""
import ctypes
import errno
import os
import threading
import time

from . import interrupt
from .shared_memory import path_of, take_away

_PREFIX = "sem."  # which glibc puts before the name of the file
_VALUE_MAX = (1 << 31) - 1
_FOR_EVER = 1e9  # seconds
_MINIMUM_SIZE = 16  # of the file: one that was cut off would end the process


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


def _load():
    """The C library, or before glibc 2.34 that which had the semaphores."""
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "sem_open"):
        library = ctypes.CDLL("libpthread.so.0", use_errno=True)
    library.sem_open.restype = ctypes.c_void_p
    for name in ("sem_wait", "sem_trywait", "sem_post", "sem_close"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    if hasattr(library, "sem_clockwait"):  # since glibc 2.30, and blind to changes of the time
        library.sem_clockwait.argtypes = [
            ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Timespec)]
    library.sem_timedwait.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Timespec)]
    library.sem_getvalue.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
    return library


_library = _load()


class NamedSemaphore:
    """A semaphore that processes share by its name.

    NamedSemaphore("frames") opens it; NamedSemaphore("frames", 3) makes it with this value if it is
    not there. create=True: it must not be there yet; create=False: it must be. It lives until
    somebody calls unlink(), or the system is started anew.
    """

    def __init__(self, name, value=None, *, create=None, permissions=0o600):
        self._handle = None
        self._users = 0
        self._lock = threading.Lock()
        self.name = name
        self._path = path_of(name, _PREFIX)
        self._handle = _open(name, self._path, value, create, permissions)

    def acquire(self, timeout=None):
        """Takes one, and waits until there is one, but no longer than `timeout` seconds. Whether it
        has got one."""
        return self._use(_acquire, timeout)

    def release(self, count=1):
        """Gives back one, or as many."""
        for _ in range(count):
            self._use(_check, "sem_post")

    @property
    def value(self):
        """How many could be taken now."""
        found = ctypes.c_int()
        self._use(_check, "sem_getvalue", ctypes.byref(found))
        return found.value

    def close(self):
        """Ends its use here, once nobody waits in acquire() any more."""
        with self._lock:
            handle, self._handle = self._handle, None
            if handle is not None and self._users == 0:
                _library.sem_close(handle)

    def unlink(self):
        """Takes its name away: nobody can open it any more, who has it keeps it."""
        take_away(self._path)

    def _use(self, function, *arguments):
        with self._lock:
            handle = self._handle
            if handle is None:
                raise ValueError("the semaphore %s is closed" % self.name)
            self._users += 1
        try:
            return function(handle, *arguments)
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0 and self._handle is None:
                    _library.sem_close(handle)

    def __del__(self):
        self.close()

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *exception):
        self.release()

    def __repr__(self):
        return "<jumpboot.NamedSemaphore %r%s>" % (
            self.name, ", closed" if self._handle is None else "")


def _fail(number, *more):
    raise OSError(number, os.strerror(number), *more)


def _open(name, path, value, create, permissions):
    if value is not None and not (isinstance(value, int) and 0 <= value <= _VALUE_MAX):
        raise ValueError("the value must be a whole number from 0 to %d, not %r"
                         % (_VALUE_MAX, value))
    if create and value is None:
        raise ValueError("a semaphore is made with a value")
    flags = 0
    if create is not False and value is not None:
        flags = os.O_CREAT | (os.O_EXCL if create else 0)
    _check_file(name, path)
    handle = _library.sem_open(b"/" + os.fsencode(name.lstrip("/")), flags,
                               ctypes.c_uint(permissions), ctypes.c_uint(value or 0))
    if not handle:
        _fail(ctypes.get_errno(), path)
    return handle


def _check_file(name, path):
    try:
        size = os.stat(path).st_size
    except OSError:
        return  # sem_open() knows better
    if size < _MINIMUM_SIZE:
        raise ValueError("the semaphore %s is damaged: its file has %d bytes" % (name, size))


def _check(handle, function, *arguments):
    if getattr(_library, function)(handle, *arguments) != 0:
        _fail(ctypes.get_errno())


def _acquire(handle, timeout):
    if timeout is None:
        return _wait(_library.sem_wait, handle)
    if timeout <= 0:
        return _wait(_library.sem_trywait, handle)
    if hasattr(_library, "sem_clockwait"):
        return _wait(_library.sem_clockwait, handle, time.CLOCK_MONOTONIC,
                     _after(time.CLOCK_MONOTONIC, timeout))
    return _wait(_library.sem_timedwait, handle, _after(time.CLOCK_REALTIME, timeout))


def _after(clock, timeout):
    """The time in so many seconds; a wait that nobody sees the end of has one all the same."""
    until = time.clock_gettime(clock) + min(timeout, _FOR_EVER)
    return ctypes.byref(_Timespec(int(until), int(until % 1 * 1e9)))


def _wait(function, *arguments):
    """Whether it has got one. A request that is not wanted any more is interrupted in here, while
    nothing has been taken."""
    while function(*arguments) != 0:
        number = ctypes.get_errno()
        if number in (errno.EAGAIN, errno.ETIMEDOUT):
            return False
        if number != errno.EINTR:
            _fail(number)
        interrupt.look()
    return True
