# SPDX-License-Identifier: MIT
"""What counts the daemon's work between two marks, which are pings with a name."""
import re

from harness import wait_until

# What callgrind sees of a ping: it writes down its counts whenever this function is entered.
MARKED_FUNCTION = "control_call"


class Instructions:
    """valgrind's callgrind: instructions of the daemon's own process, libraries included."""

    def __init__(self, folder):
        self._folder = folder
        self.wrapper = ["valgrind", "-q", "--tool=callgrind", "--trace-children=no",
                        "--compress-strings=no",  # else a dump needs those before it
                        f"--dump-before={MARKED_FUNCTION}",
                        f"--callgrind-out-file={self._folder / 'callgrind.out'}"]

    def mark_seen(self, mark, name):
        """The instructions since the mark before, which is the end of what has this name."""
        # Written before the ping was answered. The first ones are of pings that were no marks.
        dumps = sorted(self._folder.glob("callgrind.out.*"), key=lambda path: int(path.suffix[1:]))
        assert dumps, f"callgrind has not seen {MARKED_FUNCTION}() being called"
        last = dumps.pop()
        for dump in dumps:
            dump.unlink()
        totals = re.search(r"^totals: (\d+)", last.read_text(), re.MULTILINE)
        last.rename(self._folder / f"{name}.callgrind")
        return int(totals[1])


class SystemCalls:
    """strace: system calls of the daemon's own process."""

    def __init__(self, folder):
        self._log = folder / "strace"
        # -D: the daemon itself is the child of whoever starts it.
        self.wrapper = ["strace", "-D", "-qq", "-s", "64", "-o", str(self._log)]
        self._seen = 0

    def mark_seen(self, mark, name):
        """The system calls since the mark before, which is the end of what has this name."""
        reads = re.compile(rf'^(?:read|readv|recv|recvfrom|recvmsg)\(.*\\"id\\":\\"{mark}\\"')

        def lines_up_to_mark():
            lines = self._log.read_text(errors="replace").splitlines()
            for number, line in enumerate(lines):
                if reads.match(line):
                    return lines[:number + 1]
            return None

        lines = wait_until(lines_up_to_mark, f"strace to write of {mark}, behind {name}")
        new, self._seen = lines[self._seen:], len(lines)
        return sum(1 for line in new if re.match(r"\w+\(", line))
