# SPDX-License-Identifier: MIT
"""The memory that a worker shares with the daemon, both sides without a system call.

In the first page the worker counts the requests that it has begun and ended, and tells how long
each of them ran: that of the n-th one in word 64 + n % 64, in nanoseconds. Behind it there is room
for answers that are held back, and for the text of Python stacks, see stacks.py. The second one
only the daemon writes: which requests it does not want any more. The n-th request that a worker
gets has the cell n % 512 there, and the cell is meant for it if it holds n * 2, or n * 2 + 1 if
somebody has cancelled the request.
"""
import mmap

CELLS = 512
CELLS_MASK = CELLS - 1
SIZE = 131072  # of the memory that the worker writes
RUN_TIMES = 64  # the first word of them
RUN_TIMES_MASK = 63
_PAGE = 4096
_NOTHING_WANTED = (0,) * CELLS


class Pages:
    """Without a daemon that shares them it is the worker's own memory, which nobody looks at."""

    __slots__ = ("counters", "wanted", "fd")

    def __init__(self):
        self.detach()

    def attach(self, counters_fd, wanted_fd):
        counters = mmap.mmap(counters_fd, _PAGE)
        wanted = mmap.mmap(wanted_fd, _PAGE, access=mmap.ACCESS_READ)
        self.counters = memoryview(counters).cast("Q")  # a store of an item is one of the machine
        self.wanted = memoryview(wanted).cast("Q")
        self.fd = counters_fd

    def reserve(self, address_of, counters_fd, wanted_fd):
        """In a template: makes room for the pages of a forked worker, which maps them there and
        makes no objects for them. (address, size, protection, descriptor) of each."""
        counters, wanted = mmap.mmap(-1, _PAGE), mmap.mmap(-1, _PAGE)
        self.counters = memoryview(counters).cast("Q")
        self.wanted = memoryview(wanted).cast("Q")
        return ((address_of(counters), _PAGE, mmap.PROT_READ | mmap.PROT_WRITE, counters_fd),
                (address_of(wanted), _PAGE, mmap.PROT_READ, wanted_fd))

    def detach(self):
        # How many requests have begun and ended; from RUN_TIMES on, how long the last ones ran.
        self.counters = [0] * (RUN_TIMES + RUN_TIMES_MASK + 1)
        self.wanted = _NOTHING_WANTED
        self.fd = None  # where stacks are written

    def unwanted(self):
        """The cell of the running request if the daemon does not want that any more, else 0."""
        started, finished = self.counters[0], self.counters[1]
        cell = self.wanted[started & CELLS_MASK]
        return cell if cell >> 1 == started and started != finished else 0
