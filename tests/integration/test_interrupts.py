# SPDX-License-Identifier: MIT
"""Functions past their deadline: they are interrupted or skipped, and the worker serves on. One that
does not come back is ended, and nobody gets the answer of another."""
import os
import random
import signal

import pytest
from harness import GATE_SOURCE, fake_worker, is_gone, wait_until

PROGRAM = GATE_SOURCE + """
import asyncio, ctypes, os, signal, threading, time

LIBC = ctypes.CDLL(None)

def pid():
    return os.getpid()

def spin():
    while True:
        pass

def sleep(seconds):
    time.sleep(seconds)
    return seconds

async def sleep_async(seconds):
    await asyncio.sleep(seconds)
    return seconds

def swallow(value):
    try:
        time.sleep(1000)
    except BaseException as error:
        return [value, type(error).__name__]

def never_come_back():
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass

def sit_in_c(path):
    open(path, "w").close()
    lock = ctypes.create_string_buffer(256)
    LIBC.pthread_mutex_lock(lock)
    LIBC.pthread_mutex_lock(lock)

def sit_in_c_deaf(path):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    sit_in_c(path)

def write(path):
    open(path, "w").close()

def echo_after(seconds, token):
    time.sleep(seconds)
    return token
"""


def start(start_daemon, **options):
    daemon = start_daemon({"app": {"main": {"source": PROGRAM}, "max_workers": 1, **options}})
    return daemon, daemon.connect()


def assert_timeout(error, started):
    assert error["code"] == -32002
    assert error["data"]["stage"] == "run"
    assert error["data"]["started"] is started


@pytest.mark.valgrind
@pytest.mark.parametrize("function, params", [
    ("spin", []), ("sleep", [1000]), ("sleep_async", [1000]), ("swallow", [1])])
def test_the_worker_comes_back_and_serves_on(start_daemon, function, params):
    daemon, client = start(start_daemon)
    (worker,) = daemon.workers()
    for _ in range(3):
        assert_timeout(client.error(f"app.{function}", params, timeout=0.2), True)
        assert client.call("app.pid") == worker
    assert not client.has_input()
    assert len(daemon.log_lines("has run past its deadline; it came back after")) == 3
    assert daemon.log_lines(f"in {function}"), "the stack is in the log"


def test_a_late_answer_reaches_nobody(start_daemon):
    """What the function answers when it is interrupted is the answer to nothing."""
    daemon, client = start(start_daemon)
    others = [daemon.connect() for _ in range(3)]
    client.request("app.swallow", ["the late one"], id="late", timeout=0.2)
    for number, other in enumerate(others):
        other.request("app.echo_after", [0, number], id=number)
    assert client.receive()["error"]["code"] == -32002
    for number, other in enumerate(others):
        assert other.receive() == {"jsonrpc": "2.0", "id": number, "result": number}
    assert not client.has_input()


def test_what_has_not_begun_is_skipped(start_daemon, tmp_path):
    daemon, client = start(start_daemon, interrupt_timeout="20s")
    (worker,) = daemon.workers()
    os.kill(worker, signal.SIGSTOP)
    try:
        error = client.error("app.write", [str(tmp_path / "ran")], timeout=0.2)
        assert_timeout(error, False)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert client.call("app.pid") == worker
    assert not (tmp_path / "ran").exists()


def test_one_that_does_not_come_back_is_ended(start_daemon):
    daemon, client = start(start_daemon, interrupt_timeout="300ms")
    (worker,) = daemon.workers()
    assert_timeout(client.error("app.never_come_back", timeout=0.2), True)
    assert client.call("app.pid") != worker
    (line,) = daemon.log_lines("did not come back within interrupt_timeout")
    assert f"[{worker}]" in line
    assert daemon.log_lines("in never_come_back")
    assert daemon.wait_log("did not come back, and was killed by SIGTERM")


@pytest.mark.parametrize("function, name", [
    ("sit_in_c", "SIGTERM"), ("sit_in_c_deaf", "SIGKILL")])
def test_a_call_in_c_that_never_returns(start_daemon, tmp_path, function, name):
    daemon, client = start(start_daemon, interrupt_timeout="200ms", terminate_timeout="200ms")
    (worker,) = daemon.workers()
    error = client.error(f"app.{function}", [str(tmp_path / "there")], timeout=1)
    assert_timeout(error, True)
    assert (tmp_path / "there").exists()
    assert client.call("app.pid") != worker
    assert daemon.wait_log(f"did not come back, and was killed by {name}")
    if name == "SIGTERM":
        assert daemon.log_lines("in sit_in_c"), "the stack is shown by C code alone"


def test_without_interrupts_the_worker_is_ended_at_once(start_daemon):
    daemon, client = start(start_daemon, interrupt_timeout="0")
    (worker,) = daemon.workers()
    assert_timeout(client.error("app.sleep", [1000], timeout=0.2), True)
    assert client.call("app.pid") != worker


def test_a_slow_request_is_told_and_goes_on(start_daemon):
    daemon, client = start(start_daemon, slow_request_timeout="100ms")
    gate = daemon.gate()
    client.request("app.pass_gate", [gate.path], id=1)
    assert daemon.wait_log("slow: it has run for longer than slow_request_timeout, 100ms")
    assert daemon.wait_log("in pass_gate")
    gate.wait_entered()
    gate.release()
    assert client.receive()["result"] == "passed"
    assert len(daemon.log_lines("slow:")) == 1


def test_a_slow_async_function_shows_its_task(start_daemon):
    daemon, client = start(start_daemon, slow_request_timeout="100ms")
    assert client.call("app.sleep_async", [1.5]) == 1.5
    assert daemon.log_lines("in sleep_async")


def test_a_limit_of_the_queue(start_daemon):
    daemon, client = start(start_daemon, queue_timeout="200ms")
    gate = daemon.gate()
    client.request("app.pass_gate", [gate.path], id="runs")
    gate.wait_entered()
    error = daemon.error("app.pid")
    assert error["code"] == -32002
    assert (error["data"]["stage"], error["data"]["started"]) == ("queue", False)
    gate.release()
    assert client.receive()["result"] == "passed"


def test_many_deadlines_hit_nobody_else(start_daemon):
    """Each answer is the request's own or a timeout, and one worker outlives them all."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    random.seed(seed)
    daemon, client = start(start_daemon, interrupt_timeout="20s")
    (worker,) = daemon.workers()
    outcomes = {"result": 0, "error": 0}
    for number in range(400):
        # A timer may be some milliseconds late: there are many of both even so.
        answer = client.answer("app.echo_after", [random.uniform(0, 0.012), number],
                               timeout=random.uniform(0.001, 0.006))
        if "result" in answer:
            outcomes["result"] += 1
            assert answer["result"] == number
        else:
            outcomes["error"] += 1
            assert answer["error"]["code"] == -32002
    assert client.call("app.pid") == worker
    assert min(outcomes.values()) > 20, outcomes


def test_counters_that_cannot_be(start_daemon):
    """A worker that counts requests which it never got is not believed, and ended."""
    daemon = start_daemon({"app": fake_worker("bad-counters", restart_threshold=1000)})
    client = daemon.connect()
    old = client.call("app.pid")
    error = client.error("app.work", timeout=0.3)
    assert error["code"] == -32002
    assert error["data"]["started"] == "unknown"
    wait_until(lambda: is_gone(old), "the faulty worker to be killed")
    assert daemon.wait_log("was ended: it counted other requests than it was sent")
    assert client.call("app.pid") != old


@pytest.mark.parametrize("mode, started", [("count-and-exit", True), ("exit-uncounted", False)])
def test_counters_tell_whether_it_had_begun(start_daemon, mode, started):
    """What had not begun is tried on other workers, three times."""
    daemon = start_daemon({"app": fake_worker(mode, restart_threshold=1000)})
    error = daemon.error("app.work")
    assert error["code"] == -32003
    assert error["data"]["started"] is started
    assert len(daemon.log_lines("exited with status 5")) == (1 if started else 4)
