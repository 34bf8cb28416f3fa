# SPDX-License-Identifier: MIT
"""The daemon's end: in peace, in a hurry, and by force."""
import os
import signal
import socket

import pytest
from harness import GATE_SOURCE, is_gone, processes_with, wait_until

PROGRAM = GATE_SOURCE + """
import os, signal, time

def pid():
    return os.getpid()

def echo(value):
    return value

def sleep_in_c(path):
    open(path, "w").close()
    time.sleep(10000)

def spin(path):
    open(path, "w").close()
    while True:
        pass

def ignore_sigterm_and_pass_gate(path):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return pass_gate(path)
"""


@pytest.mark.valgrind
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_daemon_ends_at_once(start_daemon, number):
    daemon = start_daemon({"app": PROGRAM})
    client = daemon.connect()
    client.call("app.pid")
    daemon.terminate(number)
    client.assert_closed()
    assert daemon.wait_end() == 0


@pytest.mark.valgrind
def test_what_is_under_way_is_answered(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="running")
    gate.wait_entered()
    for number in range(1, 11):
        client.request("app.echo", [number], id=number)
    daemon.terminate()
    wait_until(lambda: not connects(daemon), "no new connections to be taken")
    gate.release()
    answers = client.receive_by_id(11)
    assert answers.pop("running")["result"] == "passed"
    assert {answer["result"] for answer in answers.values()} == set(range(1, 11))
    client.assert_closed()
    assert daemon.wait_end() == 0


def connects(daemon):
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(daemon.socket_path))
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    return True


def test_a_drain_under_load_answers_each_request_once(start_daemon):
    daemon = start_daemon(
        {"app": {"main": {"source": PROGRAM}, "min_workers": 2, "max_workers": 2,
                 "max_queue_size": 5000}}
    )
    clients = [daemon.connect() for _ in range(50)]
    for client in clients:
        for number in range(1, 101):
            client.request("app.echo", [number], id=number)
    daemon.terminate()
    for client in clients:
        answers = client.receive_by_id(100)
        for number, answer in answers.items():
            assert answer.get("result") == number, answer
        client.assert_closed()
    assert daemon.wait_end() == 0


def test_what_is_written_after_the_signal_is_refused_or_not_taken(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="running")
    gate.wait_entered()
    daemon.terminate()
    wait_until(lambda: not connects(daemon), "the drain to have begun")

    def is_refused():
        try:
            client.send_raw(b"\n")
        except BrokenPipeError:
            return True
        return False

    wait_until(is_refused, "the reading side to be shut")
    gate.release()
    assert client.receive()["result"] == "passed"


def test_past_shutdown_timeout_the_rest_is_told(start_daemon):
    daemon = start_daemon({"app": PROGRAM}, server={"shutdown_timeout": "300ms"})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="running")
    gate.wait_entered()
    client.request("app.echo", [1], id="waiting")
    daemon.terminate()
    answers = client.receive_by_id(2)
    assert {answer["error"]["code"] for answer in answers.values()} == {-32004}
    client.assert_closed()
    assert daemon.wait_end() == 0


def test_past_shutdown_timeout_what_was_not_read_is_told_too(start_daemon):
    """The story: what a client had sent ahead of its limit was lost when the workers had left."""
    daemon = start_daemon({"app": PROGRAM},
                          server={"shutdown_timeout": "300ms", "max_client_requests": 2})
    gate = daemon.gate()
    client, idle = daemon.connect(), daemon.connect()
    assert idle.call("app.echo", [0]) == 0
    client.request("app.pass_gate", [gate.path], id=0)
    gate.wait_entered()
    # At one go, and no more than the daemon's buffer and the socket's take while nobody reads.
    client.send_raw(b"".join(
        b'{"jsonrpc":"2.0","id":%d,"method":"app.echo","params":["%s"]}\n' % (number, b"x" * 100)
        for number in range(1, 800)
    ))
    daemon.terminate()
    idle.assert_closed()
    answers = client.receive_by_id(800)
    assert {answer["error"]["code"] for answer in answers.values()} == {-32004}
    assert {answers[number]["error"]["data"]["started"] for number in range(1, 800)} == {False}
    client.assert_closed()
    assert daemon.wait_end() == 0


def test_the_rest_of_a_line_that_was_cut_is_not_run(start_daemon):
    """What of a request is written before the stop counts, if it is whole: only its newline may be
    missing."""
    daemon = start_daemon({"app": PROGRAM})
    gate = daemon.gate()
    running, whole, cut = daemon.connect(), daemon.connect(), daemon.connect()
    running.request("app.pass_gate", [gate.path])
    gate.wait_entered()
    line = b'{"jsonrpc":"2.0","id":7,"method":"app.echo","params":[7]}'
    whole.send_raw(line)
    cut.send_raw(line[:-1])
    daemon.terminate()
    assert cut.receive()["error"]["code"] == -32700
    cut.assert_closed()
    gate.release()
    assert whole.receive()["result"] == 7
    whole.assert_closed()
    assert daemon.wait_end() == 0


def test_a_hangup_while_it_stops_is_nothing(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path])
    gate.wait_entered()
    daemon.terminate()
    wait_until(lambda: not connects(daemon), "the drain to have begun")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_log("the daemon stops: the config is not read anew")
    gate.release()
    assert client.receive()["result"] == "passed"
    assert daemon.wait_end() == 0


def test_a_second_signal_ends_the_waiting(start_daemon):
    daemon = start_daemon({"app": PROGRAM}, server={"shutdown_timeout": "1h"})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="running")
    gate.wait_entered()
    daemon.terminate()
    wait_until(lambda: not connects(daemon), "the drain to have begun")
    daemon.terminate()
    assert client.receive()["error"]["code"] == -32004
    client.assert_closed()
    assert daemon.wait_end() == 0


def test_workers_that_ignore_sigterm_do_not_hold_it_up(start_daemon):
    daemon = start_daemon(
        {"app": {"main": {"source": PROGRAM}, "terminate_timeout": "300ms"}},
        server={"shutdown_timeout": "300ms"},
    )
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.ignore_sigterm_and_pass_gate", [gate.path], id=1)
    gate.wait_entered()
    daemon.terminate()
    assert client.receive()["error"]["code"] == -32004
    assert daemon.wait_end() == 0


def test_a_client_that_never_reads_does_not_hold_it_up(start_daemon):
    daemon = start_daemon(
        {"app": PROGRAM + "\ndef blank(size): return 'x' * size\n"},
        server={"shutdown_timeout": "500ms"},
    )
    silent = daemon.connect()
    for _ in range(5):
        silent.request("app.blank", [1 << 20])
    assert daemon.call("app.echo", [1]) == 1
    daemon.terminate()
    assert daemon.wait_end() == 0


def test_while_workers_are_starting(start_daemon, tmp_path):
    daemon = start_daemon(
        {"app": "import time\ntime.sleep(1000)\n"}, ready=False,
        server={"shutdown_timeout": "300ms"},
    )
    client = daemon.connect()
    client.request("app.anything", id=1)
    daemon.wait_worker_count(1)
    daemon.terminate()
    assert client.receive()["error"]["code"] in (-32004, -32005)
    assert daemon.wait_end() == 0


def test_clients_that_wait_in_the_backlog(start_daemon):
    daemon = start_daemon({"app": PROGRAM}, server={"max_clients": 1})
    first, waiting = daemon.connect(), daemon.connect()
    first.call("app.pid")
    daemon.terminate()
    waiting.assert_closed()
    assert daemon.wait_end() == 0


# By force


@pytest.mark.parametrize("function", ["sleep_in_c", "spin", "pass_gate"])
def test_killed_it_takes_its_workers_along(start_daemon, function):
    """However busy they are: idle ones, those in Python, those in a C call."""
    daemon = start_daemon({"app": PROGRAM, "idle": PROGRAM})
    path = daemon.directory / "entered"
    client = daemon.connect()
    if function == "pass_gate":
        gate = daemon.gate()
        client.request("app.pass_gate", [gate.path])
        gate.wait_entered()
    else:
        client.request(f"app.{function}", [str(path)])
        wait_until(path.exists, "the worker to be inside")
    workers = daemon.workers()
    assert len(workers) == 2
    daemon.terminate(signal.SIGKILL)
    daemon.wait_end()
    for pid in workers:
        wait_until(lambda: is_gone(pid), "the worker to go with its daemon")


def test_killed_it_takes_a_stopped_worker_along(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    (worker,) = daemon.workers()
    os.kill(worker, signal.SIGSTOP)
    daemon.terminate(signal.SIGKILL)
    daemon.wait_end()
    wait_until(lambda: is_gone(worker), "the stopped worker to go with its daemon")


def test_killed_while_workers_are_starting(start_daemon):
    daemon = start_daemon(
        {"app": {"main": {"source": "import time\ntime.sleep(1000)\n"},
                 "min_workers": 4, "max_workers": 4}},
        ready=False,
    )
    daemon.wait_worker_count(4)
    daemon.terminate(signal.SIGKILL)
    daemon.wait_end()
    wait_until(lambda: not processes_with(daemon.mark), "the last worker to be gone")


def test_the_clients_of_a_killed_daemon_see_the_end(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path])
    gate.wait_entered()
    daemon.terminate(signal.SIGKILL)
    client.assert_closed()
