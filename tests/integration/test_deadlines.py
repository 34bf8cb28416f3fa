# SPDX-License-Identifier: MIT
"""Requests that run out of time: answered at the deadline, whatever becomes of the worker. What
becomes of one that can be interrupted is tested in test_interrupts.py."""
import os
import signal

import pytest
from harness import GATE_SOURCE, fake_worker, is_gone, source, wait_until

PROGRAM = GATE_SOURCE + """
import os, signal

def pid():
    return os.getpid()

def spin():
    while True:
        pass

def block_sigterm_and_pass_gate(path):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return pass_gate(path)
"""


@pytest.mark.valgrind
def test_the_caller_s_timeout(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    old = daemon.call("app.pid")
    gate = daemon.gate()
    error = daemon.error("app.pass_gate", [gate.path], timeout=0.2)
    assert error["code"] == -32002
    assert error["data"]["stage"] == "run"
    assert error["data"]["started"] is True
    assert daemon.call("app.pid") == old
    assert daemon.log_lines("interrupted: "), "the log tells of the worker's fate"


def test_the_program_s_timeout(start_daemon):
    daemon = start_daemon(
        {"app": {"main": {"source": PROGRAM}, "request_timeout": "300ms"},
         "patient": PROGRAM}
    )
    gate, other = daemon.gate(), daemon.gate("other")
    patient = daemon.connect()
    patient.request("patient.pass_gate", [other.path])
    other.wait_entered()
    assert daemon.error("app.pass_gate", [gate.path])["data"]["kind"] == "timeout"
    other.release()
    assert patient.receive()["result"] == "passed"


def test_the_shorter_of_both_counts(start_daemon):
    daemon = start_daemon({"app": {"main": {"source": PROGRAM}, "request_timeout": "300ms"}})
    gate = daemon.gate()
    error = daemon.error("app.pass_gate", [gate.path], timeout=10000)
    assert error["data"]["kind"] == "timeout"


def test_a_busy_loop_is_interrupted_too(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    assert daemon.error("app.spin", timeout=0.2)["data"]["kind"] == "timeout"
    assert daemon.call("app.pid") in daemon.workers()


def test_a_request_that_times_out_in_the_queue_costs_no_worker(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    (worker,) = daemon.workers()
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="first")
    gate.wait_entered()
    error = daemon.error("app.pid", timeout=0.2)
    assert error["code"] == -32002
    assert error["data"]["stage"] == "queue"
    assert error["data"]["started"] is False
    gate.release()
    assert client.receive()["result"] == "passed"
    assert daemon.call("app.pid") == worker


def test_timeouts_within_reach_do_no_harm(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    client = daemon.connect()
    for timeout in (30, 30.5, 1e9, 1e300):
        assert client.call("app.pid", timeout=timeout) in daemon.workers()


def test_the_requests_behind_it_are_not_touched(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="slow", timeout=0.3)
    gate.wait_entered()
    for number in range(10):
        client.request("app.pid", id=number + 1)
    answers = client.receive_by_id(11)
    assert answers.pop("slow")["error"]["code"] == -32002
    assert len({answer["result"] for answer in answers.values()}) == 1


def test_a_worker_that_ignores_sigterm_is_killed(start_daemon):
    daemon = start_daemon({
        "app": {"main": {"source": PROGRAM}, "interrupt_timeout": "0",
                "terminate_timeout": "200ms"},
        "fake": fake_worker("ignore-sigterm", terminate_timeout="200ms"),
    })
    old = daemon.workers()
    gate = daemon.gate()
    assert daemon.error(
        "app.block_sigterm_and_pass_gate", [gate.path], timeout=0.2
    )["code"] == -32002
    assert daemon.error("fake.work", timeout=0.2)["code"] == -32002
    for pid in old:
        wait_until(lambda: is_gone(pid), "the stubborn worker to be killed")


def test_a_stopped_worker_is_killed(start_daemon):
    """SIGSTOP: neither its own handlers nor SIGTERM get through."""
    daemon = start_daemon({"app": {"main": {"source": PROGRAM}, "interrupt_timeout": "200ms",
                                   "terminate_timeout": "200ms"}})
    (old,) = daemon.workers()
    os.kill(old, signal.SIGSTOP)
    assert daemon.error("app.pid", timeout=0.2)["code"] == -32002
    wait_until(lambda: is_gone(old), "the stopped worker to be killed")
    assert daemon.call("app.pid") != old


def test_what_the_worker_started_is_ended_with_it(start_daemon):
    daemon = start_daemon({"app": {"main": source("""
        import subprocess

        def start_and_wait(path):
            child = subprocess.Popen(["sleep", "1000"])
            open(path, "w").write(str(child.pid))
            child.wait()
    """), "interrupt_timeout": "0"}})
    record = daemon.directory / "child"
    assert daemon.error("app.start_and_wait", [str(record)], timeout=1)["code"] == -32002
    child = int(record.read_text())
    wait_until(lambda: is_gone(child), "the worker's own child to be ended")


def test_a_notification_that_runs_out_of_time(start_daemon):
    daemon = start_daemon({"app": {"main": {"source": PROGRAM}, "request_timeout": "300ms"}})
    (old,) = daemon.workers()
    gate = daemon.gate()
    client = daemon.connect()
    client.notify("app.pass_gate", [gate.path])
    gate.wait_entered()
    assert daemon.wait_log("interrupted: ")
    assert client.call("app.pid") == old


LATE_ANSWER = GATE_SOURCE + """
import signal

def answer_when_terminated(path):
    def finish(signum, frame):
        raise RuntimeError("terminated")
    signal.signal(signal.SIGTERM, finish)
    try:
        pass_gate(path)
    except RuntimeError:
        pass
    return "too late"

def ok():
    return "ok"
"""


def test_a_late_answer_is_dropped(start_daemon):
    """The worker answers while it is being ended: the client hears of the deadline alone."""
    daemon = start_daemon(
        {"app": {"main": {"source": LATE_ANSWER}, "interrupt_timeout": "0",
                 "terminate_timeout": "500ms"}}
    )
    gate = daemon.gate()
    client = daemon.connect()
    assert client.error("app.answer_when_terminated", [gate.path], timeout=0.3)["code"] == -32002
    assert client.call("app.ok") == "ok"
    assert not client.has_input()
