# SPDX-License-Identifier: MIT
"""The memory that a worker shares with the daemon, both sides without a system call.

In the first page the worker counts the requests that it has begun and ended, and tells how long
each of them ran: that of the n-th one in word 64 + n % 64, in nanoseconds. Behind it there is room
for answers that are held back: how many bytes of them there are word 2 says, and in its upper half
which time they are gathered. Then comes the text of Python stacks, see stacks.py. The second page
only the daemon writes: which requests it does not want any more. The n-th request that a worker
gets has the cell n % 512 there, and the cell is meant for it if it holds n * 2, or n * 2 + 1 if
somebody has cancelled the request.
"""
import mmap

CELLS = 512
CELLS_MASK = CELLS - 1
SIZE = 131072  # of the memory that the worker writes
STARTED, FINISHED, HELD, RUN_TIMES = 0, 1, 2, 64  # words
RUN_TIMES_MASK = 63
HELD_MAX = 65536
_GATHERED_MAX = 32768  # bytes; what is longer is not worth a copy
_PAGE = 4096
_GENERATION, _GENERATIONS = 1 << 32, 1 << 64
_NOTHING_WANTED = (0,) * CELLS


class Pages:
    """Without a daemon that shares them it is the worker's own memory, which nobody looks at."""

    __slots__ = ("counters", "held", "hold", "hold_max", "generation", "written", "wanted", "fd",
                 "_memory")

    def __init__(self):
        self._memory = None
        self.detach()

    def attach(self, counters_fd, wanted_fd):
        self._use(mmap.mmap(counters_fd, _PAGE + HELD_MAX),
                  mmap.mmap(wanted_fd, _PAGE, access=mmap.ACCESS_READ))
        self.fd = counters_fd

    def reserve(self, address_of, counters_fd, wanted_fd):
        """In a template: makes room for the pages of a forked worker, which maps them there and
        makes no objects for them. (address, size, protection, descriptor) of each."""
        memory, wanted = mmap.mmap(-1, _PAGE + HELD_MAX), mmap.mmap(-1, _PAGE)
        self._use(memory, wanted)
        return ((address_of(memory), len(memory), mmap.PROT_READ | mmap.PROT_WRITE, counters_fd),
                (address_of(wanted), _PAGE, mmap.PROT_READ, wanted_fd))

    def _use(self, memory, wanted):
        view = memoryview(memory)
        self._memory = memory
        self.counters = view[:_PAGE].cast("Q")  # a store of an item is one of the machine
        self.wanted = memoryview(wanted).cast("Q")
        self.held, self.hold, self.hold_max = view[_PAGE:], memory.write, _GATHERED_MAX
        memory.seek(_PAGE)

    def detach(self):
        """From here on nothing is shared: whoever has the memory at hand still cannot write to it."""
        if self._memory is not None:
            for close in (self.counters.release, self.held.release, self._memory.close):
                try:
                    close()
                except BufferError:  # it was being written
                    pass
            self._memory = None
        # How many requests have begun and ended; from RUN_TIMES on, how long the last ones ran.
        self.counters = [0] * (RUN_TIMES + RUN_TIMES_MASK + 1)
        # Answers that wait to be written; hold() appends one. Nobody would find them in here.
        self.held = self.hold = None
        self.hold_max = -1
        self.generation = 0
        self.written = []  # how many bytes of what is held, by each write
        self.wanted = _NOTHING_WANTED
        self.fd = None  # where stacks are written

    def release(self):
        """What is held has been written to the pipe: what comes next is of another generation."""
        self.counters[HELD] = (self.generation + _GENERATION) % _GENERATIONS
        self.resume()

    def resume(self):
        """Takes up what the page says of the answers that are held, and is how many bytes they are.
        All else follows from that word: so it does no harm if a handler of the program raises in
        here, or before, provided that this is called once more."""
        word = self.counters[HELD]
        size = word % _GENERATION
        self.generation = word - size
        self._memory.seek(_PAGE + size)
        if not size:
            self.written.clear()
        return size

    def count_held(self):
        """How many bytes of answers are held."""
        return self.counters[HELD] % _GENERATION

    def unwanted(self):
        """The cell of the running request if the daemon does not want that any more, else 0."""
        started, finished = self.counters[0], self.counters[1]
        cell = self.wanted[started & CELLS_MASK]
        return cell if cell >> 1 == started and started != finished else 0
