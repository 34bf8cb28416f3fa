# SPDX-License-Identifier: MIT
"""jumpbootctl, as the tests run it.

JUMPBOOTCTL names the command to test; without it jumpbootctl is taken from the build folder that
JUMPBOOT_BUILD names, or from PATH.
"""
import fcntl
import os
import pty
import shlex
import shutil
import struct
import subprocess
import termios
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
