# SPDX-License-Identifier: MIT
"""Tells what is being done: by a line that changes, on a terminal, elsewhere by one line each."""
import os
import re
import shutil
import sys
import time

# The lines of pip and micromamba that say what they do now.
DOING = re.compile(
    r"\s*((Collecting|Processing|Downloading|Building wheel|Installing|Linking|Extracting) .*)")


class Progress:
    def __init__(self, name):
        self.name = name
        self._is_live = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._began = time.monotonic()
        self._step = ""

    def begin(self, step):
        self._step = step
        self._show(step)

    def tell(self, line):
        """A line that a command has printed."""
        doing = DOING.match(line)
        if doing:
            self._show(f"{self._step}: {doing[1].strip()}")

    def end(self):
        """The line is gone; others can be printed."""
        if self._is_live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def _show(self, text):
        text = "".join(c if c.isprintable() else "?" for c in f"{self.name}: {text}")
        if self._is_live:
            seconds = f" ({time.monotonic() - self._began:.0f} s)"
            room = max(shutil.get_terminal_size().columns - len(seconds) - 1, 10)
            print(f"\r\033[K{text[:room]}{seconds}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)
