# SPDX-License-Identifier: MIT
"""The service stops, restarts, is killed and hangs, while clients go on calling."""
import json

import pytest
from harness import DEADLINE, GATE_SOURCE, Gate
from programs import assert_adds, install_calc

APP = GATE_SOURCE + """
import signal, time

def echo(number):
    time.sleep(number % 7 / 1000)
    return number

def spin():
    while True:
        pass

def refuse_to_end(path):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return pass_gate(path)
"""


@pytest.fixture
def app(box):
    box.programs("app", {"programs": {"app": {"main": "app.py", "max_workers": 4}}}, app=APP)
    return box


@pytest.fixture
def gate(app):
    app.write("/srv/gates/folder", "")
    app.remove("/srv/gates/gate")
    return Gate(app.host_path("/srv/gates/gate"))


class Counting:
    """Clients that know of each request what became of it; see counting.py."""

    def __init__(self, box, clients=4, depth=8):
        self._process = box.start_clients("counting.py", "app.echo", clients, depth)

    def wait_running(self):
        assert self._process.stdout.readline() == "running\n", "the clients did not begin"

    def stop(self):
        output, _ = self._process.communicate("", timeout=2 * DEADLINE)
        return json.loads(output)


def assert_nothing_lost(counts):
    assert counts["answered"] > 0
    assert {name: counts[name] for name in ("wrong", "unanswered", "errors", "refused")} == \
        {"wrong": 0, "unanswered": 0, "errors": {}, "refused": {}}, counts


def call_gate(box):
    """A call that has begun, and stands at the gate."""
    client = box.connect()
    client.request("app.pass_gate", ["/srv/gates/gate"], id="gate")
    return client


# Restart.


def test_restarts_lose_no_request(app):
    """Each request has one answer, the right one, however often the service restarts beneath; and
    nobody is refused."""
    app.systemctl("start", "jumpbootd")
    counting = Counting(app)
    counting.wait_running()
    seen = set()
    for _ in range(8):
        seen.add(app.show("MainPID"))
        app.systemctl("restart", "jumpbootd")
    counts = counting.stop()
    assert_nothing_lost(counts)
    assert len(seen) == 8
    assert counts["connections"] > 4
    assert app.show("NRestarts") == "0"


def test_a_call_during_a_restart_waits_for_the_next_daemon(app, gate):
    app.systemctl("start", "jumpbootd")
    before = app.show("MainPID")
    running = call_gate(app)
    gate.wait_entered()
    app.systemctl("restart", "--no-block", "jumpbootd")
    app.wait(lambda: app.show("StatusText").startswith("Stopping: answering 1 request of 1 client"),
             "the drain")
    later = app.popen("jumpbootctl", "call", "app.echo", "[17]")
    assert later.poll() is None
    gate.release()
    assert running.receive()["result"] == "passed"
    running.assert_closed()
    output, errors = later.communicate(timeout=DEADLINE)
    assert (later.returncode, output, errors) == (0, "17\n", "")
    assert app.show("MainPID") not in ("0", before)


def test_idle_clients_do_not_hold_a_restart_up(app):
    app.systemctl("start", "jumpbootd")
    idle = [app.connect() for _ in range(20)]
    for client in idle:
        assert client.call("app.echo", [1]) == 1
    app.systemctl("restart", "jumpbootd")
    for client in idle:
        client.assert_closed()
    assert app.call("app.echo", [2]) == 2


CALLS = """
import subprocess, sys, threading

failed, n_good, stopping = [], 0, threading.Event()


def call(first):
    global n_good
    number = first
    while not stopping.is_set():
        done = subprocess.run(["jumpbootctl", "call", "app.echo", f"[{number}]"],
                              capture_output=True, text=True)
        if (done.returncode, done.stdout) != (0, f"{number}\\n"):
            failed.append((done.returncode, done.stdout, done.stderr))
        n_good += 1
        number += 4


threads = [threading.Thread(target=call, args=(first,)) for first in range(4)]
for thread in threads:
    thread.start()
print("running", flush=True)
sys.stdin.read()
stopping.set()
for thread in threads:
    thread.join()
print(n_good, failed)
"""


def test_calls_of_jumpbootctl_never_fail_in_restarts(app):
    app.systemctl("start", "jumpbootd")
    calls = app.popen("python3", "-c", CALLS, stderr=None)
    assert calls.stdout.readline() == "running\n"
    for _ in range(6):
        app.systemctl("restart", "jumpbootd")
    output, _ = calls.communicate("", timeout=2 * DEADLINE)
    n_good, _, failed = output.partition(" ")
    assert int(n_good) > 0
    assert failed == "[]\n"


# Stop.


def test_a_stop_answers_what_runs(app, gate):
    app.systemctl("start", "jumpbootd")
    running = call_gate(app)
    gate.wait_entered()
    app.systemctl("stop", "--no-block", "jumpbootd.service")
    app.wait(lambda: app.show("SubState") == "stop-sigterm", "the stop to begin")
    gate.release()
    assert running.receive()["result"] == "passed"
    app.wait_inactive()
    assert (app.show("Result"), app.show("ExecMainStatus")) == ("success", "0")
    assert app.call("app.echo", [3]) == 3
    assert app.show("ActiveState") == "active"


def test_a_stop_cuts_what_takes_too_long(app, gate):
    app.configure({"program_sets": ["programs.d/*.conf"], "shutdown_timeout": "500ms",
                   "defaults": {"terminate_timeout": "200ms"}})
    app.systemctl("start", "jumpbootd")
    running, stubborn = call_gate(app), app.connect()
    gate.wait_entered()
    stubborn.request("app.refuse_to_end", ["/srv/gates/gate"], id="stubborn")
    app.systemctl("stop", "jumpbootd.service")
    for client in (running, stubborn):
        assert client.receive()["error"]["code"] == -32004
        client.assert_closed()
    assert (app.show("ActiveState"), app.show("Result")) == ("inactive", "success")


def test_a_long_drain_is_waited_for(app, gate):
    """shutdown_timeout decides, and not a shorter TimeoutStopSec."""
    app.configure({"program_sets": ["programs.d/*.conf"], "shutdown_timeout": "1h",
                   "defaults": {"request_timeout": "0"}})
    app.drop_in("short", "[Service]\nTimeoutStopSec=1s\n")
    app.systemctl("start", "jumpbootd")
    running = call_gate(app)
    gate.wait_entered()
    app.systemctl("stop", "--no-block", "jumpbootd.service")
    app.pass_time(10)
    assert app.show("ActiveState") == "deactivating"
    gate.release()
    assert running.receive()["result"] == "passed"
    app.wait_inactive()
    assert app.show("Result") == "success"


# From cold.


def test_a_herd_starts_it_once(app):
    """All who call at once when nothing runs are answered, and by one daemon."""
    app.systemctl("start", "jumpbootd.socket")
    herd = [app.connect() for _ in range(300)]
    for number, client in enumerate(herd):
        client.request("app.echo", [number], id=number)
    for number, client in enumerate(herd):
        assert client.receive()["result"] == number
    assert len(app.journal(UNIT="jumpbootd.service", JOB_TYPE="start", JOB_RESULT="done")) == 1
    assert app.show("NRestarts") == "0"


# By force.


def test_after_sigkill_it_is_there_again(app):
    app.systemctl("start", "jumpbootd")
    pid = app.show("MainPID")
    assert app.call("app.echo", [1]) == 1
    workers = workers_of(app)
    assert workers
    app.systemctl("kill", "--kill-whom=main", "--signal=KILL", "jumpbootd")
    app.wait(lambda: app.show("NRestarts") == "1", "systemd to restart it")
    assert app.call("app.echo", [2]) == 2
    assert app.show("MainPID") not in ("0", pid)
    assert not set(workers) & set(workers_of(app))


def workers_of(box):
    status = json.loads(box.run("jumpbootctl", "--json", "workers").stdout)
    return [worker["pid"] for worker in status["workers"]]


def test_queued_connections_outlive_a_sigkill(app):
    """Those that the daemon had not accepted yet are answered by the next one."""
    app.systemctl("start", "jumpbootd")
    app.systemctl("kill", "--kill-whom=main", "--signal=STOP", "jumpbootd")
    waiting = [app.connect() for _ in range(50)]
    for number, client in enumerate(waiting):
        client.request("app.echo", [number], id=number)
    app.systemctl("kill", "--kill-whom=main", "--signal=KILL", "jumpbootd")
    for number, client in enumerate(waiting):
        assert client.receive()["result"] == number


def test_sigkills_under_load_refuse_nobody(app):
    app.systemctl("start", "jumpbootd")
    counting = Counting(app)
    counting.wait_running()
    for n in range(1, 4):
        app.systemctl("kill", "--kill-whom=main", "--signal=KILL", "jumpbootd")
        app.wait(lambda: app.show("NRestarts") == str(n), "systemd to restart it")
        assert app.call("app.echo", [n]) == n
    counts = counting.stop()
    # What it had read has no answer; nothing has a wrong one.
    assert (counts["wrong"], counts["refused"], counts["errors"]) == (0, {}, {})
    assert counts["answered"] > 0


# The watchdog.


def test_the_watchdog_finds_a_daemon_that_hangs(app):
    app.drop_in("watchdog", "[Service]\nWatchdogSec=2s\n")
    app.systemctl("start", "jumpbootd")
    pid = app.show("MainPID")
    app.systemctl("kill", "--kill-whom=main", "--signal=STOP", "jumpbootd")
    with app.connect() as client:
        client.request("app.echo", [4], id=1)
        assert client.receive()["result"] == 4
    assert app.show("MainPID") not in ("0", pid)
    assert app.show("NRestarts") == "1"
    assert app.wait_journal("Watchdog timeout", UNIT="jumpbootd.service")


def test_a_worker_that_hangs_is_none_of_its_business(app):
    app.drop_in("watchdog", "[Service]\nWatchdogSec=1s\n")
    app.systemctl("start", "jumpbootd")
    pid = app.show("MainPID")
    with app.connect() as client:
        client.request("app.spin", id=1)
        app.wait(lambda: app.call("jumpbootd.status")["programs"]["app"]["workers"]["busy"] == 1,
                 "the worker to spin")
        app.pass_time(3)
        assert app.call("app.echo", [5]) == 5
    assert (app.show("MainPID"), app.show("NRestarts")) == (pid, "0")


def test_the_watchdog_is_on_as_installed(box):
    install_calc(box)
    box.systemctl("start", "jumpbootd")
    assert box.show("WatchdogUSec") not in ("0", "infinity")
    assert_adds(box)
