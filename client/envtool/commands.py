# SPDX-License-Identifier: MIT
"""Commands that make an environment: each ends with this process, however that ends."""
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time

from envtool.failure import IO_ERROR, SIGNALS, UNAVAILABLE, Failure

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PATIENCE = 5.0  # seconds that a command has for its end

# What would lead Python or pip to another place than the environment.
ASTRAY = re.compile(r"PYTHON.*|VIRTUAL_ENV.*|CONDA_(?!OVERRIDE_).*|__PYVENV_LAUNCHER__"
                    r"|PIP_(TARGET|PREFIX|ROOT|USER|PYTHON|REQUIREMENT|DRY_RUN|REPORT|QUIET)")

libc = ctypes.CDLL(None, use_errno=True)


class Runner:
    """Runs commands one after the other. All that they start holds the lock, as its stdin: nobody
    takes it while something is left that could write to the environment."""

    def __init__(self, progress, lock):
        self._progress = progress
        self._lock = lock
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)

    def run(self, what, command, **variables):
        """If it fails, all that it has printed goes to stderr."""
        lines = []
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        process = self._start(command, variables, before)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            for line in process.stdout:
                lines.append(line)
                self._progress.tell(line)
            status = process.wait()
        except BaseException:
            _end(process)
            raise
        if status != 0:
            self._progress.end()
            raise _failure(what, status, "".join(lines))

    def _start(self, command, variables, mask):
        parent = os.getpid()

        def prepare():
            os.setpgid(0, 0)
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

        try:
            return subprocess.Popen(
                command, stdin=self._lock, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                encoding="utf-8", errors="replace", env=child_environment(**variables),
                preexec_fn=prepare)
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            raise Failure(f"cannot run {command[0]}: {error.strerror}", UNAVAILABLE) from None


def _failure(what, status, output):
    sys.stderr.write(output if output.endswith("\n") or not output else output + "\n")
    sys.stderr.flush()
    if "No space left on device" in output:
        return Failure(f"{what}: the disk is full", IO_ERROR)
    if status < 0:
        return Failure(f"{what} was killed by {signal.Signals(-status).name}")
    return Failure(f"{what} failed with exit status {status}")


def _end(process):
    """The command and all of its group. Until it is reaped the group's number is nobody else's."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not os.waitid(
            os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    end = time.monotonic() + PATIENCE
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < end:  # what it had started is a child of this process now
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.02)


def child_environment(**variables):
    kept = {name: value for name, value in os.environ.items() if not ASTRAY.fullmatch(name)}
    return {**kept, "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_PROGRESS_BAR": "off", "PIP_ROOT_USER_ACTION": "ignore", **variables}
