# SPDX-License-Identifier: MIT
"""What an administrator asks of one worker: its Python stack, its end."""
import os
import re
import signal

import pytest
from ctl import ctl
from harness import GATE_SOURCE, Client, as_user, process_stat, source, wait_until

APP = source("""
import asyncio
import time

%s

def spin():
    while True:
        pass

def inner():
    time.sleep(3600)

def hang():
    inner()

def stubborn():
    while True:
        try:
            time.sleep(3600)
        except BaseException:
            pass

async def child():
    await asyncio.sleep(3600)

async def parent():
    await asyncio.create_task(child())
""" % GATE_SOURCE)


@pytest.fixture
def app(start_daemon):
    """A daemon with one worker that may be interrupted for a short time only."""
    daemon = start_daemon({"app": {"main": APP, "max_workers": 1, "request_timeout": "0",
                                   "interrupt_timeout": "500ms", "terminate_timeout": "500ms", "on_disconnect": "interrupt"}})
    return daemon


def begin(daemon, function):
    """Calls a function; waits until its worker runs it."""
    client = daemon.connect()
    client.request(f"app.{function}")

    def runs():
        workers = daemon.call("jumpbootd.workers")["workers"]
        return [w["pid"] for w in workers if w["function"] == function]
    return client, wait_until(runs, f"a worker in {function}")[0]


def stack_with(daemon, pid, *words):
    """Takes the stack until all these words stand in it: the function may just be coming."""
    def shown():
        text = daemon.call("jumpbootd.stack", {"pid": pid})["stack"]
        return text if all(word in text for word in words) else None
    return wait_until(shown, f"{words} in the stack")


@pytest.mark.parametrize("function, words", [
    ("spin", [" in spin\n"]),
    ("hang", [" in inner\n", " in hang\n"]),
    ("parent", ["parent", "child"]),
])
def test_stack_of_a_running_worker(app, function, words):
    client, pid = begin(app, function)
    text = stack_with(app, pid, *words)
    assert "hread 0x" in text and "\0" not in text
    status, out, err = ctl("stack", str(pid), socket=app.socket_path)
    assert (status, err) == (0, "")
    assert all(word in out for word in words)
    # It has not been disturbed.
    worker, = app.call("jumpbootd.workers")["workers"]
    assert (worker["pid"], worker["function"], worker["is_interrupted"]) == (pid, function, False)
    assert not client.has_input()


def test_stack_of_an_idle_worker(app):
    pid, = app.workers()
    assert "hread 0x" in app.call("jumpbootd.stack", {"pid": pid})["stack"]
    app.call("app.pass_gate", [os.devnull])


def test_many_ask_at_a_time(app):
    pid, = app.workers()
    with Client(app.socket_path) as client:
        ids = [client.request("jumpbootd.stack", {"pid": pid}) for _ in range(20)]
        answers = [client.receive() for _ in range(20)]
    assert sorted(answer["id"] for answer in answers) == sorted(ids)
    assert all("hread 0x" in answer["result"]["stack"] for answer in answers)


def test_stack_of_a_stopped_worker(app):
    pid, = app.workers()
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: process_stat(pid)[0] == "T", "a stopped worker")
    try:
        status, out, err = ctl("stack", str(pid), socket=app.socket_path)
        assert (status, out) == (1, "")
        assert re.fullmatch(f"jumpbootctl: jumpbootd.stack: unavailable: the stack of worker {pid} "
                            "cannot be taken: .*\n", err)
        assert app.call("jumpbootd.workers")["workers"][0]["pid"] == pid
    finally:
        os.kill(pid, signal.SIGCONT)
    app.call("app.pass_gate", [os.devnull])


def test_a_caller_that_leaves_before_its_answer(app):
    client, pid = begin(app, "stubborn")
    with Client(app.socket_path) as impatient:
        impatient.request("jumpbootd.stack", {"pid": pid})
        impatient.request("jumpbootd.kill", {"pid": pid})
    assert client.receive()["error"]["data"]["kind"] == "cancelled"
    wait_until(lambda: app.workers() not in ([], [pid]), "another worker")
    app.call("app.pass_gate", [os.devnull])


@pytest.mark.parametrize("function, end", [
    ("hang", "exited with status 0"),
    ("stubborn", "was killed by SIGTERM"),
])
def test_kill(app, function, end):
    client, pid = begin(app, function)
    stack_with(app, pid, function)
    status, out, err = ctl("kill", str(pid), socket=app.socket_path)
    assert (status, out, err) == (0, f"worker {pid} of app {end}\n", "")
    answer = client.receive()
    assert answer["error"]["code"] == -32006
    assert app.wait_worker_count(1) != [pid]
    assert app.call("app.pass_gate", [os.devnull]) == "passed"
    program = app.program_status("app")
    assert program["deaths"] == 0 and program["requests"]["cancelled"] == 1


def test_kill_of_an_idle_worker(app):
    pid, = app.workers()
    assert app.call("jumpbootd.kill", {"pid": pid}) == {
        "pid": pid, "program": "app", "end": "exited with status 0"}
    app.wait_ready("app")


def test_what_is_no_worker(app):
    for method in ("jumpbootd.stack", "jumpbootd.kill"):
        for pid in (os.getpid(), app.pid, 1):
            error = app.error(method, {"pid": pid})
            assert error["data"]["kind"] == "invalid_params"
            assert f"no worker has the pid {pid}" in error["data"]["detail"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_others_may_not(start_daemon):
    daemon = start_daemon({"app": "def f(): pass\n"}, server={"listen_mode": "0666"})
    daemon.directory.chmod(0o711)
    pid, = daemon.workers()

    def kind_of(method):
        return daemon.error(f"jumpbootd.{method}", {"pid": pid})["data"]["kind"]

    for method in ("stack", "kill"):
        assert as_user(lambda: kind_of(method), 54321, 54321) == "forbidden"
    assert daemon.workers() == [pid]
