# SPDX-License-Identifier: MIT
"""jumpbootd.ping, jumpbootd.status and rpc.discover."""
import pytest
from harness import GATE_SOURCE, run_daemon

PROGRAM = GATE_SOURCE + '''
from typing import List, Optional

def add(a: int, b: int = 2, *, scale: float = 1.5) -> int:
    """Adds two numbers.

    And scales them.
    """
    return (a + b) * scale

async def gather(*values: str, **named) -> List[str]:
    return list(values)

def maybe(value: Optional[int] = None):
    return value

def fail():
    raise ValueError("always")

def _hidden():
    pass
'''


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon({"calc": PROGRAM, "text": "def upper(s): return s.upper()\n"})


@pytest.mark.valgrind
def test_ping(daemon):
    ping = daemon.call("jumpbootd.ping")
    assert set(ping) == {"version", "pid", "uptime"}
    assert ping["pid"] == daemon.pid
    assert ping["uptime"] >= 0
    assert ping["version"] in run_daemon("--version").stdout
    assert daemon.call("jumpbootd.ping")["uptime"] >= ping["uptime"]


@pytest.mark.parametrize("method", ["jumpbootd.ping", "jumpbootd.status", "rpc.discover"])
def test_params_that_they_do_not_have(daemon, method):
    client = daemon.connect()
    for params in ([], {}):
        assert "result" in client.answer(method, params)
    for params in ([1], {"unknown": 1}):
        assert client.error(method, params)["code"] == -32602


def test_status_of_one_program(daemon):
    client = daemon.connect()
    assert set(client.call("jumpbootd.status", {"program": "calc"})["programs"]) == {"calc"}
    for wrong in ("nothing", 5, None, ["calc"], ""):
        error = client.error("jumpbootd.status", {"program": wrong})
        assert error["code"] == -32602


@pytest.mark.valgrind
def test_status(daemon):
    status = daemon.status()
    assert set(status) >= {
        "version", "pid", "uptime", "listen", "clients", "requests_in_flight", "buffered",
        "programs",
    }
    assert status["pid"] == daemon.pid
    assert str(daemon.socket_path) in str(status["listen"])
    assert status["clients"] == 1
    assert set(status["programs"]) == {"calc", "text"}
    calc = status["programs"]["calc"]
    assert set(calc) >= {"program_set", "state", "last_error", "workers", "queue", "requests",
                         "deaths", "starts", "start_failures"}
    assert calc["program_set"] == "tests"
    assert calc["state"] == "ready"
    assert calc["last_error"] is None
    assert calc["workers"] == {
        "starting": 0, "idle": 1, "busy": 0, "stopping": 0, "max": 1, "min": 1,
    }
    assert calc["queue"]["length"] == 0
    assert calc["queue"]["max"] == 1000
    assert (calc["deaths"], calc["start_failures"]) == (0, 0)
    assert calc["starts"] == 1


def test_status_counts(daemon):
    before = daemon.program_status("calc")["requests"]
    client = daemon.connect()
    client.call("calc.add", [1])
    client.call("calc.add", [1])
    client.error("calc.fail")
    client.error("calc.add", [1, 2, 3, 4])
    client.error("calc.missing")
    after = daemon.program_status("calc")["requests"]
    grown = {key: after[key] - before.get(key, 0) for key in after if after[key]}
    assert grown["ok"] == 2
    assert grown["exception"] == 1
    assert grown["invalid_params"] == 1
    assert daemon.program_status("text")["requests"]["ok"] == 0


def test_status_sees_what_is_under_way(daemon):
    gate = daemon.gate()
    client = daemon.connect()
    client.request("calc.pass_gate", [gate.path], id=1)
    gate.wait_entered()
    client.request("calc.add", [1], id=2)
    daemon.wait_for(lambda: daemon.program_status("calc")["queue"]["length"] == 1, "the queue")
    status = daemon.status()
    assert status["clients"] == 2
    assert status["requests_in_flight"] in (2, 3)  # the status' own may count
    assert status["programs"]["calc"]["workers"]["busy"] == 1
    assert status["programs"]["calc"]["queue"]["high_water"] >= 1
    gate.release()
    client.receive_by_id(2)


def test_discover(daemon):
    document = daemon.call("rpc.discover")
    assert document["openrpc"].startswith("1.")
    assert document["info"]["title"] and document["info"]["version"]
    methods = {method["name"]: method for method in document["methods"]}
    assert {"calc.add", "calc.gather", "calc.maybe", "calc.fail", "text.upper"} <= set(methods)
    assert not [name for name in methods if "_hidden" in name or "List" in name]

    add = methods["calc.add"]
    assert "Adds two numbers." in add["summary"] + add.get("description", "")
    assert "And scales them." in add.get("description", "") + add["summary"]
    parameters = {parameter["name"]: parameter for parameter in add["params"]}
    assert list(parameters) == ["a", "b", "scale"]
    assert parameters["a"]["required"] is True
    assert parameters["b"].get("required", False) is False
    assert parameters["a"]["schema"]["type"] == "integer"
    assert parameters["scale"]["schema"]["type"] == "number"
    assert parameters["b"]["schema"]["default"] == 2
    assert parameters["scale"]["schema"]["default"] == 1.5
    assert add["result"]["schema"]["type"] == "integer"

    maybe = {parameter["name"]: parameter for parameter in methods["calc.maybe"]["params"]}
    assert maybe["value"]["schema"]["default"] is None


def test_discover_tells_the_daemon_s_own_methods_or_leaves_them_out_wholly(daemon):
    names = {method["name"] for method in daemon.call("rpc.discover")["methods"]}
    own = {name for name in names if name.startswith(("jumpbootd.", "rpc."))}
    assert own in (set(), {"jumpbootd.ping", "jumpbootd.status", "rpc.discover"})


def test_what_is_discovered_can_be_called(daemon):
    document = daemon.call("rpc.discover")
    client = daemon.connect()
    for method in document["methods"]:
        if not [p for p in method["params"] if p.get("required")] and "fail" not in method["name"]:
            assert "result" in client.answer(method["name"])
