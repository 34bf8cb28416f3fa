# SPDX-License-Identifier: MIT
"""The process that a program's workers are forked from: all is imported in it, nothing is begun.

The daemon sends one message for each worker, {"number": …, "parent": …, "environment": {…}}, with
the descriptors of the worker's pipes. The worker becomes the daemon's own child, since the process
between it and the template ends at once. It sends back its number over the same socket, from which
the kernel tells the daemon its pid; the template does so where there is none, with the error.
"""
import atexit
import errno
import fcntl
import json
import os
import signal
import socket
import sys
import threading
import warnings
import weakref

_MARK = "JUMPBOOT_WORKER"  # by which the daemon finds what belongs to a worker
_PR_SET_PDEATHSIG = 1
_COMMAND_MAX = 65536
_DESCRIPTORS_MAX = 16
_ABOVE = 32  # descriptors from here on are in the way of none that a worker is to have

# Modules with random numbers of their own, whose seed() takes a new seed from the system. Python's
# module random does so itself in every forked child.
_RANDOM_MODULES = ("numpy.random", "torch.random")


class Libc:
    """What Python has no function for."""

    def __init__(self):
        import ctypes
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._ctypes = ctypes
        self._mark = _find_mark()

    def set_death_signal(self, number):
        """What the kernel sends to this process when its parent ends."""
        arguments = (self._ctypes.c_ulong(value) for value in (number, 0, 0, 0))
        if self._libc.prctl(_PR_SET_PDEATHSIG, *arguments) != 0:
            raise OSError(self._ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")

    def flush(self):
        """Writes what C code has printed so far, which each worker would write once more."""
        self._libc.fflush(None)

    def show_mark(self, mark):
        """Has /proc show this mark of the process, and of all that it forks off, in place of the
        one that the template was started with."""
        address, room = self._mark
        if len(mark) <= room:
            self._ctypes.memmove(address, mark.ljust(room, b"\0"), room)


def _find_mark():
    """Address and length of the mark in the environment that /proc shows."""
    try:
        with open("/proc/self/stat", "rb") as file:
            start = int(file.read().rpartition(b")")[2].split()[47])
        with open("/proc/self/environ", "rb") as file:
            before, name, after = (b"\0" + file.read()).partition(b"\0%s=" % _MARK.encode())
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


def _leave_exit_functions():
    """What was registered for the exit is the template's to run, not that of every worker: it may
    remove a folder that all of them use. What flushes and waits has to be done by each."""
    atexit._clear()
    for name, module in (("_exit_function", "multiprocessing.util"), ("shutdown", "logging")):
        if module in sys.modules:
            atexit.register(getattr(sys.modules[module], name))
    for finalizer in list(weakref.finalize._registry):
        finalizer.atexit = False
    weakref.finalize._registered_with_atexit = False  # the next one registers it anew


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
        self._report()
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(
                    self._control, _COMMAND_MAX, _DESCRIPTORS_MAX, socket.MSG_CMSG_CLOEXEC)
            except ConnectionResetError:  # closed, and something that was sent has not been read
                return False
            if not data:
                return False
            command, is_worker = json.loads(data), False
            reason = "descriptors were lost on the way to the template"
            if len(fds) == len(self._places):
                is_worker, reason = self._fork()
            if is_worker:
                self._become(command, fds)
                return True
            for fd in fds:
                os.close(fd)
            if reason:
                self._refuse(command, reason)

    def _report(self):
        """Tells the daemon that workers can be forked, or why not."""
        # Native threads, too, which BLAS for one ends before a fork and starts anew after it.
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning, __name__)
        unfit = self._unfitness()
        sockets = _count_sockets(self._control.fileno())
        if sockets and not unfit:
            self._worker.status.log(
                "warning", "the main module has opened %d socket%s, which all workers share: open "
                "such in a function that is marked with jumpboot.on_start"
                % (sockets, "s"[:sockets > 1]))
        self._worker.report_template(unfit)

    def _unfitness(self):
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
        message = {"number": command["number"], "error": reason}
        try:
            self._control.send(json.dumps(message).encode("ascii"))
        except BrokenPipeError:
            pass  # as the next command will tell

    def _fork(self):
        """Whether this is the worker, and if it is not, why there is none."""
        self._worker.is_forking = True  # what the program has to know of a fork is not for these
        try:
            middle = os.fork()
        except OSError as error:
            middle, reason = None, error.strerror
        if middle == 0:
            self._fork_again()
            return True, None
        self._worker.is_forking = False
        if middle is not None:
            status = os.waitpid(middle, 0)[1]
            if status == 0:
                return False, None
            reason = os.strerror(os.WEXITSTATUS(status)) if os.WIFEXITED(status) else "killed"
        return False, "cannot fork: %s" % reason

    def _fork_again(self):
        """Makes a worker of the process in between, which ends: returns only in the worker."""
        self._middle, code = os.getpid(), errno.EINTR
        try:
            code = 0 if os.fork() else None
        except OSError as error:
            code = error.errno
        finally:
            if code is not None:
                os._exit(code)

    def _become(self, command, fds):
        """Makes a worker of the process that was forked."""
        os.setpgid(0, 0)
        self._worker.is_forking = False
        self._take_descriptors(fds)
        self._worker.attach()
        os.environ.update(command["environment"])
        _leave_exit_functions()
        self._reseed()
        self._await_parent(command["parent"])
        self._control.send(b'{"number":%d}' % command["number"])
        self._control.close()
        self._libc.show_mark(os.environb.get(_MARK.encode(), b""))
        self._worker.open_files_anew()  # the daemon knows this process by now, and is told of errors

    def _take_descriptors(self, fds):
        # The program may have closed one that it found open, whose number is then given again.
        fds = [fd if fd >= _ABOVE else self._move_up(fd) for fd in fds]
        for fd, place in zip(fds, self._places):
            os.dup2(fd, place, inheritable=place <= 2)
            os.close(fd)

    @staticmethod
    def _move_up(fd):
        higher = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
        os.close(fd)
        return higher

    def _reseed(self):
        for name in _RANDOM_MODULES:
            if name in sys.modules:
                try:
                    sys.modules[name].seed()
                except Exception as error:
                    self._worker.status.log("warning", "%s has the same random numbers in all "
                                            "workers: seed() failed: %s" % (name, error))

    def _await_parent(self, parent):
        """Waits until this is a child of the daemon's, and has the kernel end it together with
        that. A daemon that has ended by then leaves it to somebody else."""
        news = (signal.SIGUSR2,)  # any: it is blocked, and taken off again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, news)
        self._libc.set_death_signal(signal.SIGUSR2)
        while os.getppid() == self._middle:
            signal.sigtimedwait(news, 0.1)
        self._libc.set_death_signal(signal.SIGKILL)
        signal.sigtimedwait(news, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if os.getppid() != parent:
            os._exit(1)
