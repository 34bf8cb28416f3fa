# SPDX-License-Identifier: MIT
"""The daemon's side of the pages that it shares with a worker: counters, cells, stacks."""
import fcntl
import itertools
import mmap
import os
import time

COUNTERS_SIZE, WANTED_SIZE, TEXT, CELLS = 131072, 4096, 69632, 512
HELD_WORD, HELD, RUN_TIMES = 2, 4096, 64
DEADLINE = 60.0
NUDGE = 0.2  # after this time a signal is sent again
_F_SEAL_FUTURE_WRITE = 0x10
_F_SIZE_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
_ABOVE = 64  # the numbers below it are those of the worker


_numbers = itertools.count()


def _memfd(name, size):
    """No two of them have the same name in /proc."""
    fd = os.memfd_create("%s-%d" % (name, next(_numbers)), os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    higher = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
    os.close(fd)
    return higher


class SharedPages:
    def __init__(self):
        self.counters_fd = _memfd("counters", COUNTERS_SIZE)
        self.wanted_fd = _memfd("wanted", WANTED_SIZE)
        self._memory = memoryview(mmap.mmap(self.counters_fd, TEXT, prot=mmap.PROT_READ))
        self._counters = self._memory[:HELD].cast("Q")
        self._wanted = memoryview(mmap.mmap(self.wanted_fd, WANTED_SIZE)).cast("Q")
        for fd, seals in ((self.counters_fd, 0), (self.wanted_fd, _F_SEAL_FUTURE_WRITE)):
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _F_SIZE_SEALS | seals)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL)
        self.rewind()

    def counts(self):
        """How many requests the worker has begun and ended."""
        return self._counters[0], self._counters[1]

    def held(self):
        """The answers that the worker holds, as bytes, and which time they are gathered."""
        word = self._counters[HELD_WORD]
        return bytes(self._memory[HELD:HELD + (word & 0xffffffff)]), word >> 32

    def run_times(self, started):
        """How long the last 64 requests ran, in nanoseconds, by their ordinals."""
        return {ordinal: self._counters[RUN_TIMES + ordinal % RUN_TIMES]
                for ordinal in range(max(1, started - RUN_TIMES + 1), started + 1)}

    def wait_for_counts(self, started, finished):
        _wait(lambda: self.counts() == (started, finished), self.counts)

    def want(self, ordinal, is_cancelled=False):
        """Says that this request is not wanted any more."""
        self._wanted[ordinal % CELLS] = ordinal << 1 | is_cancelled

    def rewind(self):
        os.lseek(self.counters_fd, TEXT, os.SEEK_SET)

    def text(self):
        end = os.lseek(self.counters_fd, 0, os.SEEK_CUR)
        return os.pread(self.counters_fd, end - TEXT, TEXT)

    def wait_for_text(self, ask_again=lambda: None):
        """The text of stacks up to its end mark; asks again for one that does not begin to come: a
        signal that comes just before a system call is begun is seen only after it."""
        _wait(lambda: self.text().endswith(b"\0"), self.text,
              lambda: self.text() or ask_again())
        return self.text()[:-1].decode()

    def close(self):
        os.close(self.counters_fd)
        os.close(self.wanted_fd)


def _wait(is_there, seen, nudge=lambda: None):
    """Waits for what is written to memory, of which no event tells."""
    now = time.monotonic()
    deadline, next_nudge = now + DEADLINE, now + NUDGE
    while not is_there():
        now = time.monotonic()
        assert now < deadline, seen()
        if now >= next_nudge:
            nudge()
            next_nudge = now + NUDGE
        time.sleep(0.0005)
