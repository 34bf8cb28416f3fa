# SPDX-License-Identifier: MIT
"""$/cancelRequest, with real Python: what waits is dropped, what runs is ended."""
import pytest
from harness import GATE_SOURCE, error_of

PROGRAM = GATE_SOURCE + """
import os

begun = []

def pid():
    return os.getpid()

def echo(value=None):
    return value

def note(name):
    begun.append(name)

def what_has_begun():
    return begun
"""

CANCEL = "$/cancelRequest"
SHARE = 8


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon({"app": PROGRAM}, server={"max_client_requests": SHARE})


@pytest.fixture
def client(daemon):
    return daemon.connect()


def assert_cancelled(answer, identity):
    assert answer["id"] == identity
    error = error_of(answer)
    assert error["code"] == -32006, error
    return error["data"]


@pytest.mark.valgrind
def test_one_that_runs(daemon, client):
    gate = daemon.gate("runs")
    client.request("app.pass_gate", [gate.path], id="running")
    gate.wait_entered()
    client.notify(CANCEL, {"id": "running"})
    assert assert_cancelled(client.receive(), "running")["started"] in (True, "unknown")
    assert client.call("app.echo", [1]) == 1


def test_one_that_waits_never_begins(daemon, client):
    gate = daemon.gate("waits")
    client.request("app.pass_gate", [gate.path], id="running")
    gate.wait_entered()
    client.request("app.note", ["dropped"], id=1)
    client.request("app.note", ["kept"], id=2)
    client.notify(CANCEL, {"id": 1})
    assert assert_cancelled(client.receive(), 1)["started"] is False
    gate.release()
    assert client.receive()["id"] == "running"
    assert client.receive()["id"] == 2
    assert client.call("app.what_has_begun") == ["kept"]


def test_one_that_is_answered_or_never_was(client):
    assert client.call("app.echo", [1], id="x") == 1
    client.notify(CANCEL, {"id": "x"})
    client.notify(CANCEL, {"id": 99})
    client.notify(CANCEL, {"no": "id"})
    client.notify(CANCEL)
    assert client.call(CANCEL, {"id": "x"}) is None
    assert client.error(CANCEL, ["x"])["code"] == -32602
    assert client.call("app.echo", [2], id="x") == 2


def test_at_the_limit(daemon, client):
    """What is to be cancelled is what keeps the cancel from having its turn."""
    gate = daemon.gate("limit")
    client.request("app.pass_gate", [gate.path], id=0)
    gate.wait_entered()
    for number in range(1, 3 * SHARE):
        client.request("app.echo", [number], id=number)
    client.notify(CANCEL, {"id": 0})
    assert_cancelled(client.receive(), 0)
    answers = client.receive_by_id(3 * SHARE - 1)
    assert {number: answer["result"] for number, answer in answers.items()} == {
        number: number for number in range(1, 3 * SHARE)
    }


def test_within_a_batch(daemon, client):
    gate = daemon.gate("batch")
    client.send([
        {"jsonrpc": "2.0", "id": 1, "method": "app.pass_gate", "params": [gate.path]},
        {"jsonrpc": "2.0", "id": 2, "method": "app.echo", "params": [2]},
    ])
    gate.wait_entered()
    client.notify(CANCEL, {"id": 1})
    first, second = client.receive()
    assert_cancelled(first, 1)
    assert (second["id"], second["result"]) == (2, 2)


@pytest.mark.parametrize("mode", ["finish", "interrupt"])
def test_a_client_that_leaves(start_daemon, mode):
    daemon = start_daemon({"app": {"main": {"source": PROGRAM}, "on_disconnect": mode}})
    gate = daemon.gate("leaves")
    client, other = daemon.connect(), daemon.connect()
    client.request("app.pass_gate", [gate.path], id=1)
    gate.wait_entered()
    client.request("app.note", ["of nobody"], id=2)
    client.notify("app.note", ["a notification"])
    client.close()
    if mode == "finish":
        daemon.wait_for(lambda: daemon.status()["clients"] == 2, "it to be gone")
        assert daemon.program_status("app")["workers"]["busy"] == 1
        gate.release()
    assert other.call("app.what_has_begun") == ["a notification"]
    outcomes = daemon.program_status("app")["requests"]
    assert outcomes["cancelled"] == (1 if mode == "finish" else 2)


def test_a_burst_of_calls_and_cancels(daemon, client):
    """Each call has one answer, be it the result or that it was cancelled."""
    count = 2000
    for number in range(count):
        client.request("app.echo", [number], id=number)
        if number % 3 == 0:
            client.notify(CANCEL, {"id": number})
        if number % 100 == 99:
            for answer in client.receive_by_id(100).values():
                if "error" in answer:
                    assert answer["id"] % 3 == 0
                    assert_cancelled(answer, answer["id"])
                else:
                    assert answer["result"] == answer["id"]
    assert not client.has_input()
