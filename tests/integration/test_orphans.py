# SPDX-License-Identifier: MIT
"""What workers start and leave behind is ended with them, wherever it has gone."""
import os
import signal

import pytest
from harness import GATE_SOURCE, is_gone, process_stat, processes_with, wait_until

PROGRAM = GATE_SOURCE + """
import os
import signal
import subprocess
import sys

SLEEP = [sys.executable, "-c", "import signal; signal.pause()"]

def in_a_session(**options):
    return subprocess.Popen(SLEEP, start_new_session=True, **options).pid

def double_forked(**options):
    '''Its parent ends: it is the daemon's from then on.'''
    script = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:],"\\
             " start_new_session=True, stdout=subprocess.DEVNULL).pid)"
    return int(subprocess.check_output([sys.executable, "-c", script, *SLEEP], **options))

def forked_twice():
    '''The same without another program.'''
    read_end, write_end = os.pipe()
    if (pid := os.fork()) == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write_end, str(os.getpid()).encode())
            signal.pause()
        os._exit(0)
    os.waitpid(pid, 0)
    return int(os.read(read_end, 100))

def in_the_group():
    return subprocess.Popen(SLEEP).pid

START = {"session": in_a_session, "double": double_forked, "twice": forked_twice,
         "group": in_the_group,
         "bare": lambda: in_a_session(env={}), "double-bare": lambda: double_forked(env={})}

def start(kind):
    return START[kind]()

def start_and_leave(kind, path):
    with open(path, "w") as file:
        file.write(str(start(kind)))
    os._exit(3)

def start_and_hang(kind, path):
    with open(path, "w") as file:
        file.write(str(start(kind)))
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
    while True:
        signal.sigwait([signal.SIGTERM])

def leave():
    os._exit(4)

def pid():
    return os.getpid()
"""

KINDS = ["session", "double", "twice", "group", "bare", "double-bare"]


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon({"app": {
        "main": {"source": PROGRAM}, "restart_threshold": 1000, "terminate_timeout": "100ms",
    }, "other": {"main": {"source": PROGRAM}, "restart_threshold": 1000}})


def assert_only_workers(daemon):
    daemon.wait_ready()
    wait_until(lambda: processes_with(daemon.mark) == daemon.workers(), "the rest to be gone")
    # Nothing of what has ended waits to be reaped.
    daemon.wait_for(
        lambda: not [pid for pid in os.listdir("/proc")
                     if pid.isdigit() and process_stat(int(pid)) == ("Z", daemon.pid)],
        "no zombie to be left")


@pytest.mark.parametrize("kind", KINDS)
def test_the_worker_exits(daemon, tmp_path, kind):
    note = tmp_path / "pid"
    error = daemon.error("app.start_and_leave", [kind, str(note)])
    assert error["data"]["exit_status"] == 3
    wait_until(lambda: is_gone(int(note.read_text())), "what it had started to be gone")
    assert_only_workers(daemon)


@pytest.mark.parametrize("kind", KINDS)
def test_the_worker_hangs_past_its_deadline(daemon, tmp_path, kind):
    note = tmp_path / "pid"
    error = daemon.error("app.start_and_hang", [kind, str(note)], timeout=0.5)
    assert error["code"] == -32002
    wait_until(lambda: is_gone(int(note.read_text())), "what it had started to be gone")
    assert_only_workers(daemon)


@pytest.mark.parametrize("kind", ["session", "double", "twice", "group"])
def test_the_helper_of_one_that_lives(daemon, kind):
    """It lives as long, also if others end meanwhile and what they leave behind is looked for."""
    helper, other = daemon.call("app.start", [kind]), daemon.call("other.start", ["double"])
    assert daemon.error("other.leave")["data"]["exit_status"] == 4
    wait_until(lambda: is_gone(other), "the helper of another one to be gone")
    assert not is_gone(helper)
    assert daemon.error("app.leave")["data"]["exit_status"] == 4
    wait_until(lambda: is_gone(helper), "the helper to be gone with its worker")
    assert_only_workers(daemon)


def test_the_log_tells_of_it(daemon):
    helper = daemon.call("app.start", ["session"])
    daemon.error("app.leave")
    (line,) = daemon.wait_log(f"app[{helper}]")
    assert "left it behind" in line
    assert_only_workers(daemon)


def test_the_daemon_stops(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    helpers = [daemon.call("app.start", [kind]) for kind in KINDS if "bare" not in kind]
    daemon.terminate()
    assert daemon.wait_end() == 0
    assert all(is_gone(helper) for helper in helpers)


def test_what_was_there_before_the_daemon(start_daemon):
    """A shell that becomes the daemon may have started something before."""
    daemon = start_daemon(
        {"app": PROGRAM}, wrapper=["sh", "-c", 'sleep 1000 & echo $! >earlier; exec "$0" "$@"'])
    earlier = int((daemon.directory / "earlier").read_text())
    assert daemon.error("app.leave")["data"]["exit_status"] == 4
    assert daemon.call("app.pid") != earlier
    assert not is_gone(earlier)
    daemon.terminate()
    assert daemon.wait_end() == 0
    assert not is_gone(earlier)
    os.kill(earlier, signal.SIGKILL)
