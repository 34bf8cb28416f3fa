# SPDX-License-Identifier: MIT
"""Workers that die, in every state: only the running request is lost, and it is told why."""
import os
import signal

import pytest
from harness import GATE_SOURCE, Gate, is_gone, processes_with, wait_until

PROGRAM = GATE_SOURCE + """
import os, signal, sys

def pid():
    return os.getpid()

def kill_self(number):
    os.kill(os.getpid(), number)

def leave(status):
    os._exit(status)

def complain_and_leave(text, status):
    print(text, file=sys.stderr)
    os._exit(status)

def complain(text):
    print(text, file=sys.stderr, flush=True)

def flood_and_leave(lines):
    for number in range(lines):
        print("line", number, file=sys.stderr)
    os._exit(1)

def segfault():
    import ctypes
    ctypes.string_at(0)

def fork_and_leave():
    if os.fork() == 0:
        signal.pause()
    os._exit(2)
"""


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon(
        {"app": {"main": {"source": PROGRAM}, "restart_threshold": 1000},
         "other": PROGRAM}
    )


@pytest.fixture
def client(daemon):
    return daemon.connect()


def assert_died(error, pid):
    assert error["code"] == -32003, error
    data = error["data"]
    assert data["pid"] == pid
    assert data["started"] is True
    return data


@pytest.mark.valgrind
@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGTERM"])
def test_killed_while_busy(daemon, client, name):
    pid = client.call("app.pid")
    number = int(getattr(signal, name))
    data = assert_died(client.error("app.kill_self", [number]), pid)
    assert data["signal"] == name
    assert "exit_status" not in data or data["exit_status"] is None
    assert client.call("app.pid") != pid


def test_killed_from_outside_while_busy(daemon, client):
    pid = client.call("app.pid")
    gate = daemon.gate("outside")
    client.request("app.pass_gate", [gate.path], id=5)
    gate.wait_entered()
    os.kill(pid, signal.SIGKILL)
    answer = client.receive()
    assert answer["id"] == 5
    assert assert_died(answer["error"], pid)["signal"] == "SIGKILL"


def test_a_real_segmentation_fault(daemon, client):
    pid = client.call("app.pid")
    data = assert_died(client.error("app.segfault"), pid)
    assert data["signal"] == "SIGSEGV"
    assert "in segfault" in data["stack"]
    (line,) = daemon.log_lines(f"[{pid}] #")
    assert "segfault: was killed by SIGSEGV" in line
    assert "in segfault" in daemon.log_path.read_text()


def test_what_is_idempotent_is_retried_once(start_daemon, tmp_path):
    daemon = start_daemon({"app": {
        "main": {"source": PROGRAM + """
def die_once(path):
    with open(path, "a") as file:
        file.write("x")
    if open(path).read() == "x":
        os._exit(3)
    return os.getpid()
"""},
        "idempotent": True, "restart_threshold": 1000,
    }})
    (old,) = daemon.workers()
    client = daemon.connect()
    assert client.call("app.die_once", [str(tmp_path / "runs")]) != old
    assert (tmp_path / "runs").read_text() == "xx"
    assert client.error("app.leave", [4])["data"]["exit_status"] == 4
    assert len(daemon.log_lines("exited with status 4")) == 2


@pytest.mark.parametrize("status", [0, 3, 255])
def test_left_while_busy(client, status):
    pid = client.call("app.pid")
    data = assert_died(client.error("app.leave", [status]), pid)
    assert data["exit_status"] == status
    assert "signal" not in data or data["signal"] is None


def test_its_last_words_are_told(client):
    client.call("app.complain", ["said in an earlier request"])
    error = client.error("app.complain_and_leave", ["about to die: ü", 1])
    assert "about to die: ü" in error["data"]["stderr"]
    assert "said in an earlier request" not in error["data"]["stderr"]


def test_the_words_of_the_request_before_are_not_among_them(client):
    """Even if the next request is there before they could have been read."""
    for _ in range(20):
        client.request("app.complain", ["said in the request before"], id=1)
        client.request("app.complain_and_leave", ["said at last", 1], id=2)
        assert client.receive()["id"] == 1
        assert client.receive()["error"]["data"]["stderr"] == "said at last\n"


def test_of_many_last_words_the_last_are_told(client):
    error = client.error("app.flood_and_leave", [20000])
    assert "line 19999" in error["data"]["stderr"]
    assert len(error["data"]["stderr"]) <= 64 * 1024


def test_killed_while_idle(daemon, client):
    """Nobody notices, but for the log and the counter."""
    pid = client.call("app.pid")
    before = daemon.program_status("app")["deaths"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(pid), "the worker to be gone")
    assert client.call("app.pid") != pid
    assert daemon.program_status("app")["deaths"] == before + 1
    daemon.wait_log(str(pid))


def test_a_request_never_gets_lost_between_death_and_its_discovery(daemon, client):
    """The worker dies while it is idle; a request is sent before the daemon can know of it."""
    for _ in range(20):
        pid = client.call("app.pid")
        os.kill(pid, signal.SIGKILL)
        answer = client.answer("app.pid")
        if "error" in answer:
            # It had been sent already: then the death of its worker is the honest answer.
            assert_died(answer["error"], pid)
        else:
            assert answer["result"] != pid


def test_killed_while_starting(start_daemon, tmp_path):
    """Requests wait for the next one; no request had begun, so none is lost."""
    gate = Gate(tmp_path / "gate")
    daemon = start_daemon(
        {"app": f"""
            import os
            with open({gate.path!r}) as gate:
                gate.read()
            def pid():
                return os.getpid()
        """},
        ready=False,
    )
    gate.wait_entered()
    (first,) = daemon.workers()
    assert daemon.program_status("app")["state"] == "starting"
    client = daemon.connect()
    client.request("app.pid", id=1)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: is_gone(first), "the first to be gone")
    gate.release()
    gate.wait_entered()
    gate.release()
    assert client.receive()["result"] in daemon.workers()
    assert daemon.program_status("app")["start_failures"] == 1


def test_killed_while_stopping(start_daemon):
    daemon = start_daemon({"app": {
        "main": {"source": PROGRAM + """
def stubborn(path):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return pass_gate(path)
"""},
        "interrupt_timeout": "0", "terminate_timeout": "1h",
    }})
    (old,) = daemon.workers()
    gate = daemon.gate()
    assert daemon.error("app.stubborn", [gate.path], timeout=0.3)["code"] == -32002
    daemon.wait_for(
        lambda: daemon.program_status("app")["workers"]["stopping"] == 1, "it to be stopping"
    )
    assert not is_gone(old)
    os.kill(old, signal.SIGKILL)
    assert daemon.call("app.pid") != old


def test_the_requests_behind_are_not_touched(client):
    client.request("app.leave", [1], id="dies")
    for number in range(10):
        client.request("app.pid", id=number + 1)
    answers = client.receive_by_id(11)
    assert answers.pop("dies")["error"]["code"] == -32003
    assert len({answer["result"] for answer in answers.values()}) == 1


def test_other_programs_are_not_touched(daemon, client):
    gate = daemon.gate("others")
    pid = client.call("other.pid")
    client.request("other.pass_gate", [gate.path], id="other")
    gate.wait_entered()
    with daemon.connect() as second:
        for _ in range(5):
            assert second.error("app.leave", [1])["code"] == -32003
    gate.release()
    assert client.receive()["result"] == "passed"
    assert client.call("other.pid") == pid


def test_a_death_in_a_notification_and_in_a_batch(daemon, client):
    client.notify("app.leave", [1])
    client.send([
        {"jsonrpc": "2.0", "id": 1, "method": "app.leave", "params": [2]},
        {"jsonrpc": "2.0", "id": 2, "method": "app.pid"},
        {"jsonrpc": "2.0", "method": "app.leave", "params": [3]},
        {"jsonrpc": "2.0", "id": 3, "method": "app.pid"},
    ])
    answers = {answer["id"]: answer for answer in client.receive()}
    assert answers[1]["error"]["data"]["exit_status"] == 2
    assert isinstance(answers[2]["result"], int)
    assert isinstance(answers[3]["result"], int)


def test_what_a_dead_worker_started_is_ended(daemon, client):
    assert client.error("app.fork_and_leave")["data"]["exit_status"] == 2
    # One process of each program and no other: the mark is in the environment of all of them.
    daemon.wait_ready()
    wait_until(
        lambda: processes_with(daemon.mark) == daemon.workers(), "the orphan to be ended"
    )


def test_a_client_leaves_while_its_worker_dies(daemon):
    gate = daemon.gate("leaving")
    client = daemon.connect()
    pid = client.call("app.pid")
    client.request("app.pass_gate", [gate.path])
    gate.wait_entered()
    client.close()
    os.kill(pid, signal.SIGKILL)
    assert daemon.call("app.pid") != pid


def test_the_counters_tell_of_it(daemon, client):
    before = daemon.program_status("app")
    assert client.error("app.leave", [1])["code"] == -32003
    client.call("app.pid")
    after = daemon.program_status("app")
    assert after["deaths"] == before["deaths"] + 1
    assert after["starts"] == before["starts"] + 1
    assert after["requests"]["worker_died"] == before["requests"].get("worker_died", 0) + 1
    assert after["requests"]["ok"] == before["requests"]["ok"] + 1
