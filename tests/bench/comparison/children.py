# SPDX-License-Identifier: MIT
"""Processes that the bench starts: none of them outlives it, and no other one is touched."""
import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PATIENCE = 30.0  # seconds that a server has to start
GRACE = 5.0  # seconds that it has to end
LIBC = ctypes.CDLL(None)


class Failed(Exception):
    """Something that was to be measured could not be."""


def process_tree(pid):
    """The process and all below it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def set_cpus(pids, cpus):
    """All threads of these processes run on these CPUs only."""
    for pid in pids:
        try:
            for thread in os.listdir("/proc/%d/task" % pid):
                os.sched_setaffinity(int(thread), cpus)
        except OSError:  # it has ended
            pass


class Child:
    """A process in a session of its own; its output goes to a log."""

    def __init__(self, command, log, env=None, folder=None):
        self.log = Path(log)
        parent = os.getpid()

        def prepare():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

        with open(log, "ab") as output:
            self._process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, env=env, cwd=folder, start_new_session=True, preexec_fn=prepare)
        self.pid = self._process.pid

    def is_alive(self):
        return self._process.poll() is None

    def last_words(self):
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def wait_for(self, condition, what):
        end = time.monotonic() + PATIENCE
        while not condition():
            if not self.is_alive():
                raise Failed("it ended before %s: %s" % (what, self.last_words()))
            if time.monotonic() > end:
                raise Failed("it took more than %d s until %s" % (PATIENCE, what))
            time.sleep(0.005)

    def end(self, number=signal.SIGTERM):
        """The signal, and what is still there some seconds later is killed, with all below it."""
        tree = process_tree(self.pid) if self.is_alive() else []
        if tree:
            self._process.send_signal(number)
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid in tree[1:]:
            if session_of(pid) == self.pid:
                signal_process(pid, signal.SIGKILL)


def session_of(pid):
    try:
        return os.getsid(pid)
    except OSError:
        return None


def signal_process(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def run_tool(command, cpus, seconds, env=None):
    """What the command writes, as (stdout, stderr); it runs on these CPUs."""
    def prepare():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, cpus)

    with subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
                          preexec_fn=prepare) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException as error:
            process.kill()
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise Failed("it did not end within %d s" % seconds) from None
            raise
    if process.returncode != 0:
        words = err.strip().splitlines() or ["status %d" % process.returncode]
        raise Failed(words[-1])
    return out, err
