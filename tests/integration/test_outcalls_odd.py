# SPDX-License-Identifier: MIT
"""Calls by programs that are not like others: forked workers, loops of their own, and workers that
break the rules."""
import json
import os
import signal

import pytest
from harness import error_of, source, wait_until
from worker_host import pythons

BETA = """
def echo(value=None):
    return value
def hang():
    import time
    while True:
        time.sleep(1000)
"""

# Writes what it is told to, and answers with what comes back.
LOOP = """
import json
import jumpboot

def tell(message):
    jumpboot.Status_in.write(json.dumps({"type": "status", **message}) + "\\n")
    jumpboot.Status_in.flush()

def write(text):
    jumpboot.Pipe_out.write(text + "\\n")
    jumpboot.Pipe_out.flush()

tell({"message": "ready", "methods": {}})
early = []
for line in jumpboot.Pipe_in:
    request = json.loads(line)
    if "command" not in request:
        early.append(request)
        continue
    data = request["data"]
    for text in data["lines"] * data.get("times", 1):
        write(text.replace("SERIAL", request["request_id"]))
    came = [early.pop(0) if early else json.loads(jumpboot.Pipe_in.readline())
            for _ in range(data["count"])]
    write(json.dumps({"request_id": request["request_id"], "result": came}))
"""


def loop(limit=1):
    return {"main": source(LOOP), "max_workers": limit}


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon({"loop": loop(), "beta": BETA})


@pytest.fixture
def client(daemon):
    return daemon.connect()


def relay(client, *lines, count=None, **members):
    lines = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return client.call("loop.relay", {"lines": lines,
                                      "count": len(lines) if count is None else count}, **members)


def test_a_loop_of_its_own_calls(client):
    calls = [{"request_id": f"py-{n}", "command": "beta.echo", "data": [n], "for": "SERIAL"}
             for n in range(10)]
    came = relay(client, *calls)
    assert sorted(answer["result"] for answer in came) == list(range(10))
    assert relay(client, {"request_id": "py-x", "command": "beta.echo", "data": "text"}) == [
        {"request_id": "py-x", "result": "text"}]


@pytest.mark.parametrize("call, identity, code", [
    ({"request_id": "1", "command": "beta.echo"}, "1", -32600),
    ({"command": "beta.echo"}, None, -32600),
    ({"request_id": "py-" + "x" * 300, "command": "beta.echo"}, None, -32600),
    ({"request_id": "py-1", "command": ["beta.echo"]}, "py-1", -32600),
    ({"request_id": "py-1", "command": "beta.echo", "timeout": "soon"}, "py-1", -32600),
    ({"request_id": "py-1", "command": "beta.echo", "timeout": -1}, "py-1", -32600),
    ({"request_id": "py-1", "command": "beta.echo", "for": "99999"}, "py-1", -32600),
    ({"request_id": "py-1", "command": "nobody.echo"}, "py-1", -32601),
    ({"request_id": "py-1", "command": "loop.relay"}, "py-1", -32009),
    ({"request_id": "py-1", "command": "jumpbootd.reload"}, "py-1", -32007),
])
def test_what_is_wrong_is_an_error_of_that_call(client, call, identity, code):
    (answer,) = relay(client, call)
    assert answer["request_id"] == identity
    assert answer["error"]["code"] == code and answer["error"]["data"]["kind"]
    assert relay(client, {"request_id": "py-1", "command": "beta.echo", "data": [1]})[0]["result"] == 1


def test_an_id_twice_and_too_many(client):
    call = {"request_id": "py-1", "command": "beta.echo", "data": [1]}
    came = relay(client, json.dumps(call) + "\n" + json.dumps(call), count=2)
    assert {answer["request_id"] for answer in came} == {"py-1", None}
    calls = [{"request_id": f"py-{n}", "command": "beta.hang"} for n in range(70)]
    came = relay(client, *calls, count=6)
    assert all(answer["error"]["data"]["reason"] == "limit" for answer in came)


@pytest.mark.parametrize("lines", [
    ["no JSON"], ['{"request_id":"py-1","command":"beta.echo","result":1}'],
    ['{"request_id":"py-1","command":"beta.echo","command":"beta.echo"}'], ["[]"],
])
def test_what_cannot_be_trusted_ends_the_worker(client, lines):
    error = error_of(client.answer("loop.relay", {"lines": lines, "count": 1}))
    assert error["code"] == -32003 and "reason" in error["data"]
    assert relay(client, {"request_id": "py-1", "command": "beta.echo", "data": [1]})[0]["result"] == 1


def test_a_worker_that_does_not_read_its_answers_is_ended(start_daemon):
    daemon = start_daemon({"loop": loop(), "beta": BETA},
                          server={"max_buffered": "1M", "max_request_size": "64K",
                                  "max_response_size": "64K"})
    client = daemon.connect()
    error = client.error("loop.relay", {"lines": ['{"command":17}'], "times": 100000, "count": 0})
    assert error["code"] == -32003 and "does not read" in error["data"]["reason"]
    assert relay(client, {"request_id": "py-1", "command": "beta.echo", "data": [1]})[0]["result"] == 1


def test_calls_that_are_left_are_cancelled_and_told_so(start_daemon):
    client = start_daemon({"loop": loop(), "beta": BETA}).connect()
    call = {"request_id": "py-1", "command": "beta.hang", "for": "SERIAL"}
    assert relay(client, call, count=0) == []
    (late,) = relay(client, count=1)
    assert late["request_id"] == "py-1" and late["error"]["code"] == -32006
    call = {"request_id": "py-2", "command": "beta.echo", "data": [2]}
    assert relay(client, call)[0]["result"] == 2


def test_a_death_with_the_answer_unread_is_no_request_unread(start_daemon):
    """It had begun, or it could not have called: it must not be run again."""
    daemon = start_daemon({"loop": loop(), "beta": BETA})
    client = daemon.connect()
    client.request("loop.relay", {"lines": ['{"request_id":"py-1","command":"beta.hang"}'],
                                  "count": 1}, id="x")
    wait_until(lambda: any(worker["calls"] for worker in client_workers(daemon)), "the call")
    (worker,) = [worker for worker in client_workers(daemon) if worker["calls"]]
    os.kill(worker["pid"], signal.SIGSTOP)
    os.kill(worker["calls"][0]["pid"], signal.SIGKILL)
    wait_until(lambda: not any(worker["calls"] for worker in client_workers(daemon)), "the answer")
    os.kill(worker["pid"], signal.SIGKILL)
    error = error_of(client.receive())
    assert error["code"] == -32003 and error["data"]["started"] == "unknown"


def client_workers(daemon):
    with daemon.connect() as client:
        return client.call("jumpbootd.workers")["workers"]


FORKED = """
import asyncio, threading
import jumpboot

try:
    jumpboot.call("beta.echo", 1)
    told = "called"
except jumpboot.CallRefused as error:
    told = error.data["reason"]

def at_import():
    return told

def call(name, *args):
    return jumpboot.call(name, *args)

async def gather(n):
    return await asyncio.gather(*[jumpboot.acall("beta.echo", k) for k in range(n)])

def thread(value):
    got = []
    thread = threading.Thread(target=lambda: got.append(jumpboot.call("beta.echo", value)))
    thread.start()
    thread.join()
    return got
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("python", pythons())
def test_every_python_and_forked_workers(start_daemon, method, python):
    environment = {"python": python}
    daemon = start_daemon({"app": {"main": source(FORKED), "start_method": method,
                                   "min_workers": 2, "max_workers": 2,
                                   "environment": environment},
                           "beta": {"main": source(BETA), "environment": environment}})
    client = daemon.connect()
    assert client.call("app.at_import") == "outside"
    for _ in range(3):
        assert client.call("app.call", ["beta.echo", 1]) == 1
        assert client.call("app.call", ["app.call", "beta.echo", 2]) == 2
        assert client.call("app.gather", [5]) == list(range(5))
        assert client.call("app.thread", [3]) == [3]
    error = client.error("app.call", ["beta.hang"], timeout=0.5)
    assert error["code"] == -32002
    assert client.call("app.gather", [3]) == [0, 1, 2]
