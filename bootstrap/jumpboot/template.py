# SPDX-License-Identifier: MIT
"""The process that a program's workers are forked from: all is imported in it, nothing is begun.

The daemon sends one message for each worker, {"number": …, "parent": …, "environment": {…}}, and
"cpus": […] for one with CPUs of its own, with the descriptors of the worker's pipes. The worker becomes the daemon's own child, since the process
between it and the template ends at once. It sends back its number over the same socket, from which
the kernel tells the daemon its pid; the template does so where there is none, with the error.
"""
import json
import mmap
import os
import signal
import socket
import sys
import threading
import warnings
from array import array
from errno import EINTR
from os import _exit, close, fork, getpid, waitpid
from socket import MSG_CMSG_CLOEXEC

from .birth import MARK, Birth

_PR_SET_PDEATHSIG = 1
_MAP_SHARED_FIXED = mmap.MAP_SHARED | 0x10
_COMMAND_MAX = 65536
_DESCRIPTORS_MAX = 16


class Libc:
    """What Python has no function for."""

    def __init__(self):
        import ctypes
        self.errno = ctypes.get_errno
        libc = ctypes.PyDLL(None, use_errno=True)  # no other thread is to run meanwhile
        self._flush = libc.fflush
        # As os.fork(), for a process that does nothing but fork another one: what modules have
        # registered for forks is done there. -1: it failed, with errno.
        self.fork = libc.fork
        self._prctl = libc.prctl
        self._prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)
        self._mmap = libc.mmap
        self._mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3,
                               ctypes.c_long)
        self._mmap.restype = ctypes.c_void_p
        self._failed = ctypes.c_void_p(-1).value
        self._getrandom = libc.getrandom
        self._getrandom.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint)
        self._getrandom.restype = ctypes.c_ssize_t
        self.read = ctypes.string_at
        self._char = ctypes.c_char
        self._address = ctypes.addressof
        address, self._room = _find_mark()
        self._mark = (ctypes.c_char * self._room).from_address(address)

    def set_death_signal(self, number):
        """What the kernel sends to this process when its parent ends."""
        if self._prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
            raise OSError(self.errno(), "prctl(PR_SET_PDEATHSIG) failed")

    def address_of(self, mapping):
        return self._address(self._char.from_buffer(mapping))

    def map_at(self, address, size, protection, fd):
        """Maps a file that is shared, in place of what is mapped there."""
        if self._mmap(address, size, protection, _MAP_SHARED_FIXED, fd, 0) == self._failed:
            raise OSError(self.errno(), "mmap() failed")

    def put_random(self, address, size):
        """Whether all of it was put there."""
        return self._getrandom(address, size, 0) == size

    def flush(self):
        """Writes what C code has printed so far, which each worker would write once more."""
        self._flush(None)

    def show_mark(self, mark):
        """Has /proc show this mark of the process, and of all that it forks off, in place of the
        one that the template was started with."""
        if len(mark) <= self._room:
            self._mark.raw = mark.ljust(self._room, b"\0")


def _find_mark():
    """Address and length of the mark in the environment that /proc shows."""
    try:
        with open("/proc/self/stat", "rb") as file:
            start = int(file.read().rpartition(b")")[2].split()[47])
        with open("/proc/self/environ", "rb") as file:
            before, name, after = (b"\0" + file.read()).partition(b"\0%s=" % MARK.encode())
    except OSError:  # the main module has become another user, who may not look there
        return 0, 0
    return start + len(before) + len(name) - 1, len(after.partition(b"\0")[0])


def _thread_names():
    """The Python threads besides this one. Those of a library that run no Python do not count."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    me = threading.get_ident()
    return [names.get(ident, "thread %d" % ident) for ident in sys._current_frames() if ident != me]


def _count_sockets(besides):
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            is_socket = os.readlink("/proc/self/fd/" + name).startswith("socket:")
        except OSError:  # the folder that is being read
            continue
        count += is_socket and int(name) != besides
    return count


class Template:
    def __init__(self, worker, program):
        self._worker = worker
        self._control = socket.socket(fileno=program["Control"])
        # Where the worker has the descriptors that come with a command, in their order.
        pages = [program[name] for name in ("Counters", "Wanted") if name in program]
        self._places = (program["PipeIn"], program["PipeOut"], program["StatusIn"], 1, 2, *pages)
        self._libc = None

    def serve(self):
        """Forks workers as long as the daemon wants any. True in each worker, and False in the
        template, at its end."""
        unfit = self._unfitness()
        if not unfit:
            self._prepare()
        self._worker.report_template(unfit)
        self._worker.forks.is_worker = True
        receive = self._control.recvmsg
        room = socket.CMSG_SPACE(_DESCRIPTORS_MAX * array("i").itemsize)
        while True:
            try:
                command, ancillary, _, _ = receive(_COMMAND_MAX, room, MSG_CMSG_CLOEXEC)
            except ConnectionResetError:  # closed, and something that was sent has not been read
                break
            if not command:
                break
            fds = array("i")
            for _, _, sent in ancillary:
                fds.frombytes(sent[:len(sent) // fds.itemsize * fds.itemsize])
            is_worker, reason = False, unfit
            if len(fds) != len(self._places):
                reason = "descriptors were lost on the way to the template"
            elif not unfit:
                is_worker, reason = self._fork()
            if is_worker:
                self._worker.forks.is_worker = False
                self._birth.run(command, fds, self._control, self._middle)
                return True
            for fd in fds:
                close(fd)
            if reason:
                self._refuse(command, reason)
        self._worker.forks.is_worker = False
        return False

    def _prepare(self):
        # Native threads, too, which BLAS for one ends before a fork and starts anew after it.
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning, __name__)
        sockets = _count_sockets(self._control.fileno())
        if sockets:
            self._worker.status.log(
                "warning", "the main module has opened %d socket%s, which all workers share: open "
                "such in a function that is marked with jumpboot.on_start"
                % (sockets, "s"[:sockets > 1]))
        self._birth = Birth(self._worker, self._libc, self._places)
        self._birth.rehearse()
        self._worker.prepare_workers()

    def _unfitness(self):
        """Why no workers can be forked from here; None: they can."""
        names = _thread_names()
        if names:
            return "the main module has started threads (%s), which a fork leaves behind" % (
                ", ".join(names))
        try:
            self._libc = Libc()
            self._libc.set_death_signal(signal.SIGKILL)  # as it is, to see that it can be set
            self._libc.flush()
        except Exception as error:
            return "%s: %s" % (type(error).__name__, error)
        return None

    def _refuse(self, command, reason):
        message = {"number": json.loads(command)["number"], "error": reason}
        try:
            self._control.send(json.dumps(message).encode("ascii"))
        except BrokenPipeError:
            pass  # as the next command will tell

    def _fork(self):
        """Whether this is the worker, and if it is not, why there is none."""
        middle = self._libc.fork()
        if middle == 0:
            self._fork_again()
            return True, None
        if middle > 0:
            status = waitpid(middle, 0)[1]
            if status == 0:
                return False, None
            reason = os.strerror(os.WEXITSTATUS(status)) if os.WIFEXITED(status) else "killed"
        else:
            reason = os.strerror(self._libc.errno())
        return False, "cannot fork: %s" % reason

    def _fork_again(self):
        """Makes a worker of the process in between, which ends: returns only in the worker."""
        self._middle, code = getpid(), EINTR
        try:
            code = 0 if fork() else None
        except OSError as error:
            code = error.errno
        finally:
            if code is not None:
                _exit(code)
