# SPDX-License-Identifier: MIT
"""From a process that a template has just forked to a worker: what each does for itself.

It is as little as it can be, and plain. What a worker only reads it shares with the template, but
Python writes to each object that it uses, to count who uses it, and the kernel copies the page that
the object lies in: that is most of what a worker costs, time and memory. Attributes of modules and
the names of attributes are such objects. So names are imported here one by one, and the template
rehearses: Python takes shorter ways through code that it has run several times, and keeps them
with the code.
"""
import array
import contextlib
import fcntl
import json
import os
import socket
import sys
from atexit import _clear as forget_exit_functions, register as register_for_exit
from os import close, dup2, getppid, setpgid
from signal import SIGKILL
from time import sleep
from weakref import finalize

from .decode import scan
from .seeds import find_seeds

MARK = "JUMPBOOT_WORKER"  # by which the daemon finds what belongs to a worker
_REHEARSALS = 20  # Python 3.11 looks for shorter ways from the eighth time on
_ABOVE = 32  # descriptors from here on are in the way of none that a worker is to have
_FIRST_DELAY, _LAST_DELAY = 0.00002, 0.1  # seconds


# What flushes and waits at the exit, which has to be done by each process.
_EXITS = (("multiprocessing.util", "_exit_function"), ("logging", "shutdown"))


def _move_up(fd):
    higher = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
    os.close(fd)
    return higher


class Birth:
    def __init__(self, worker, libc, places):
        self._worker = worker
        self._libc = libc
        self._places = places
        self._mappings = worker.reserve_pages(libc.address_of)
        self._finalizers = list(finalize._registry)
        self._exits = [getattr(sys.modules[module], name) for module, name in _EXITS
                       if module in sys.modules]
        self._seeds = find_seeds(libc)

    def rehearse(self):
        """In the template, with descriptors of no use. It comes out of it as it was, but for random
        numbers."""
        zero = os.open("/dev/zero", os.O_RDWR | os.O_CLOEXEC)
        places = [fcntl.fcntl(zero, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for _ in self._places]
        mappings = [(*mapping[:-1], places[-1]) for mapping in self._mappings]
        shown = {name: value for name, value in os.environ.items() if name == MARK}
        command = json.dumps({"number": 0, "parent": getppid(), "environment": shown})
        for _ in range(_REHEARSALS):
            ours, theirs = socket.socketpair()
            fds = array.array("i", map(os.dup, places))
            message = self._take(command.encode("ascii"), fds, places, mappings)
            self._announce(message, theirs, 0)
            ours.close()
            for _, kind in self._seeds:
                with contextlib.suppress(Exception):  # which each worker will tell of
                    if kind.can_rehearse:
                        kind.seed()
        for fd in (zero, *places):
            close(fd)

    def run(self, command, fds, control, middle):
        """Makes a worker of this process, which `middle` has forked."""
        setpgid(0, 0)
        message = self._take(command, fds, self._places, self._mappings)
        # What was registered for the exit is the template's to run, not that of every worker: it
        # may remove a folder that all of them use.
        forget_exit_functions()
        for function in self._exits:
            register_for_exit(function)
        if self._finalizers:
            for finalizer in self._finalizers:
                finalizer.atexit = False
            finalize._registered_with_atexit = False  # the next one registers it anew
        for name, kind in self._seeds:
            try:
                kind.seed()
            except Exception as error:
                self._worker.status.log("warning", "%s has the same random numbers in all workers: "
                                        "seed() failed: %s" % (name, error))
        self._announce(message, control, middle)
        if "cpus" in message:  # the daemon knows it by now, and is told of errors
            os.sched_setaffinity(0, message["cpus"])

    def _take(self, command, fds, places, mappings):
        """Takes up what comes with the command, and returns that."""
        for number, fd in enumerate(fds):
            if fd in places:  # the program has closed one that it found open
                fds[number] = _move_up(fd)
        for number, fd in enumerate(fds):
            dup2(fd, places[number], places[number] <= 2)
            close(fd)
        for mapping in mappings:
            self._libc.map_at(*mapping)
        message = scan(command.decode("utf-8", "surrogatepass"), 0)[0]
        environment = message["environment"]
        for name in environment:
            os.environ[name] = environment[name]
        return message

    def _announce(self, message, control, middle):
        """Waits until this is a child of the daemon's, has the kernel end it together with that,
        and tells the daemon that it is there."""
        delay = _FIRST_DELAY
        while getppid() == middle:  # which is about to end
            sleep(delay)
            delay = min(2 * delay, _LAST_DELAY)
        self._libc.set_death_signal(SIGKILL)
        if getppid() != message["parent"]:
            os._exit(1)  # the daemon has ended by now
        control.send(b'{"number":%d}' % message["number"])
        close(control.detach())
        mark = message["environment"].get(MARK)
        if mark is not None:
            self._libc.show_mark(mark.encode("ascii"))
