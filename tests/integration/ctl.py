# SPDX-License-Identifier: MIT
"""jumpbootctl, as the tests run it.

JUMPBOOTCTL names the command to test; without it jumpbootctl is taken from the build folder that
JUMPBOOT_BUILD names, or from PATH.
"""
import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import struct
import subprocess
import termios
import time
from pathlib import Path

from harness import DEADLINE

# What it ends with, besides 0 and 1.
USAGE, NO_INPUT, UNAVAILABLE, IO_ERROR, TRY_AGAIN, PROTOCOL = 64, 66, 69, 74, 75, 76


def ctl_command():
    if "JUMPBOOTCTL" in os.environ:
        return shlex.split(os.environ["JUMPBOOTCTL"])
    if "JUMPBOOT_BUILD" in os.environ:
        return [str(Path(os.environ["JUMPBOOT_BUILD"]).resolve() / "jumpbootctl")]
    return [shutil.which("jumpbootctl") or "jumpbootctl"]


def ctl(*words, socket="/nowhere/socket", **options):
    """Runs jumpbootctl; gives its exit status, stdout and stderr."""
    environment = {**os.environ, "JUMPBOOT_SOCKET": str(socket)}
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    run = subprocess.run([*ctl_command(), *words], capture_output="stdout" not in options,
                         text=True, env=environment, timeout=DEADLINE, **options)
    return run.returncode, run.stdout, run.stderr


def on_terminal(*words, socket, environment=None, columns=0):
    """Runs jumpbootctl with a terminal for stdout and stderr; gives what it shows."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "JUMPBOOT_SOCKET": str(socket),
                   **(environment or {})}
    process = subprocess.Popen([*ctl_command(), *words], stdin=subprocess.DEVNULL, stdout=slave,
                               stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    try:
        while True:
            shown += os.read(master, 65536)
    except OSError:  # how a terminal says that nobody is at its other end
        pass
    os.close(master)
    process.wait(DEADLINE)
    return shown.decode().replace("\r\n", "\n")


class Terminal:
    """jumpbootctl on a terminal of its own, which it is left on."""

    def __init__(self, *words, socket, lines=24, columns=80):
        self._master, self._slave = pty.openpty()
        self.resize(lines, columns)
        self.settings = termios.tcgetattr(self._slave)
        environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8",
                       "JUMPBOOT_SOCKET": str(socket)}
        self.process = subprocess.Popen(
            [*ctl_command(), *words], stdin=self._slave, stdout=self._slave, stderr=self._slave,
            env=environment, start_new_session=True, preexec_fn=self._take)
        self.shown = ""

    def _take(self):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)

    def resize(self, lines, columns):
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))

    def press(self, keys):
        os.write(self._master, keys.encode())

    def _read(self, seconds):
        readable = select.select([self._master], [], [], seconds)[0]
        if readable:
            self.shown += os.read(self._master, 65536).decode()
        return readable

    def wait_for(self, *texts):
        """Waits until all of these have been shown, one after the other, since the last wait."""
        end = time.monotonic() + DEADLINE
        for text in texts:
            while text not in self.shown:
                assert self._read(max(0, end - time.monotonic())), f"no {text!r}: {self.shown!r}"
            self.shown = self.shown.split(text, 1)[1]

    def next_frame(self):
        """Waits for the next drawing of the whole window; gives its text."""
        self.wait_for("\033[H")
        end = time.monotonic() + DEADLINE
        while "\033[J" not in self.shown:
            assert self._read(max(0, end - time.monotonic())), f"half a frame: {self.shown!r}"
        frame, self.shown = self.shown.split("\033[J", 1)
        return re.sub("\033\\[[0-9;?]*[A-Za-z]", "", frame).replace("\r\n", "\n")

    def wait_end(self):
        """Its exit status; the terminal must be what it was."""
        status = self.process.wait(DEADLINE)
        while self._read(0):
            pass
        assert termios.tcgetattr(self._slave) == self.settings
        return status
