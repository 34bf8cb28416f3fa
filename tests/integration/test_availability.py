# SPDX-License-Identifier: MIT
"""Programs whose workers fail to start, and the programs beside them."""
import json

import pytest
from harness import GATE_SOURCE, Gate, fake_worker

NEEDS_FILE = """
import os

if not os.path.exists(PATH):
    raise RuntimeError("the database is not there yet")

def pid():
    return os.getpid()

def leave():
    os._exit(1)
"""


def needs_file(path, **options):
    return {
        "main": {"source": NEEDS_FILE.replace("PATH", repr(str(path)))},
        "restart_threshold": 2,
        **options,
    }


@pytest.mark.valgrind
def test_unavailable_tells_the_last_start_up_error(start_daemon, tmp_path):
    daemon = start_daemon({"app": needs_file(tmp_path / "file")}, ready=False)
    error = daemon.error("app.pid")
    assert error["code"] == -32005
    cause = error["data"]["error"]
    assert cause["exception"] == "RuntimeError"
    assert cause["message"] == "the database is not there yet"
    assert 'raise RuntimeError("the database is not there yet")' in cause["traceback"]
    status = daemon.program_status("app")
    assert status["state"] == "unavailable"
    assert status["start_failures"] >= 2
    assert "the database is not there yet" in str(status["last_error"])
    assert daemon.wait_log("the database is not there yet")


def test_it_recovers_by_itself(start_daemon, tmp_path):
    path = tmp_path / "file"
    daemon = start_daemon({"app": needs_file(path)}, ready=False)
    assert daemon.error("app.pid")["code"] == -32005
    path.write_text("")
    daemon.wait_ready("app")
    assert daemon.call("app.pid") in daemon.workers()
    assert daemon.program_status("app")["state"] == "ready"


def test_requests_that_wait_for_the_start_are_told_at_its_failure(start_daemon, tmp_path):
    gate = Gate(tmp_path / "gate")
    daemon = start_daemon(
        {"app": {
            "main": {"source": f"open({gate.path!r}).read()\nraise ValueError('no good')\n"},
            "restart_threshold": 1,
        }},
        ready=False,
    )
    client = daemon.connect()
    for number in range(5):
        client.request("app.anything", id=number + 1)
    gate.wait_entered()
    assert daemon.program_status("app")["queue"]["length"] == 5
    gate.release()
    for answer in client.receive_by_id(5).values():
        assert answer["error"]["code"] == -32005
        assert answer["error"]["data"]["error"]["message"] == "no good"


def test_a_program_that_has_been_ready_and_cannot_start_again(start_daemon, tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    daemon = start_daemon({"app": needs_file(path)})
    path.unlink()
    assert daemon.error("app.leave")["code"] == -32003
    assert daemon.error("app.pid")["code"] == -32005
    path.write_text("")
    daemon.wait_ready("app")
    assert daemon.call("app.pid") in daemon.workers()


def test_two_programs_do_not_disturb_each_other(start_daemon, tmp_path):
    daemon = start_daemon(
        {"broken": needs_file(tmp_path / "file"), "app": GATE_SOURCE + "def ok(): return 'ok'\n",
         "other": "def ok(): return 'other'\n"},
        ready=False,
    )
    daemon.wait_ready("app", "other")
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="held")
    gate.wait_entered()
    for _ in range(10):
        assert daemon.call("other.ok") == "other"
        assert daemon.error("broken.pid")["code"] == -32005
    gate.release()
    assert client.receive()["result"] == "passed"


def test_programs_of_two_sets_with_their_own_modules(start_daemon):
    daemon = start_daemon(
        {"first": "import shared\ndef name(): return shared.NAME\n"},
        shared={"modules": {"shared": "one.py"}},
        sets={"second-set": {
            "modules": {"shared": "two.py"},
            "programs": {"second": "import shared\ndef name(): return shared.NAME\n"},
        }},
        files={"one.py": "NAME = 'one'\n", "two.py": "NAME = 'two'\n"},
    )
    assert daemon.call("first.name") == "one"
    assert daemon.call("second.name") == "two"
    programs = daemon.status()["programs"]
    assert programs["first"]["program_set"] == "tests"
    assert programs["second"]["program_set"] == "second-set"


def test_failing_on_start_functions(start_daemon):
    daemon = start_daemon({"app": {
        "main": {"source": "import jumpboot\n"
                           "@jumpboot.on_start\n"
                           "def begin(): raise OSError(2, 'no socket there')\n"
                           "def ok(): return 'ok'\n"},
        "restart_threshold": 1,
    }}, ready=False)
    error = daemon.error("app.ok")
    assert error["code"] == -32005
    assert "no socket there" in error["data"]["error"]["message"]


@pytest.mark.parametrize(
    "mode, words",
    [
        ("exit-before-ready=7", ["7", "the fake worker gives up"]),
        ("killed-before-ready", ["SIGKILL"]),
        ("never-ready", ["startup_timeout"]),
        ("never-take-program", ["startup_timeout"]),
        ("status-garbage", ["status"]),
        ("status-endless", ["status"]),
    ],
)
def test_an_interpreter_that_never_becomes_ready(start_daemon, mode, words):
    daemon = start_daemon(
        {"app": fake_worker(mode, startup_timeout="1s", terminate_timeout="200ms",
                            restart_threshold=1),
         "other": "def ok(): return 'ok'\n"},
        ready=False,
    )
    error = daemon.error("app.work")
    assert error["code"] == -32005, error
    for word in words:
        assert word in json.dumps(error), error
    assert daemon.call("other.ok") == "ok"


def test_an_interpreter_that_vanishes(start_daemon, tmp_path):
    """It was there when the config was loaded, and is not when a worker has to be replaced."""
    interpreter = tmp_path / "interpreter"
    interpreter.symlink_to("/usr/bin/python3")
    daemon = start_daemon({"app": {
        "main": {"source": "import os\ndef ok(): return 1\ndef leave(): os._exit(1)\n"},
        "environment": {"python": str(interpreter)},
        "restart_threshold": 1,
    }})
    assert daemon.call("app.ok") == 1
    interpreter.unlink()
    assert daemon.error("app.leave")["code"] == -32003
    error = daemon.error("app.leave")
    assert error["code"] == -32005
    assert str(interpreter) in error["data"]["error"]["message"]
    interpreter.symlink_to("/usr/bin/python3")
    daemon.wait_ready()


def test_a_program_that_dies_in_every_first_request(start_daemon):
    """Its workers start well, so that alone would never hold it back: each death cost a start, as
    fast as clients asked."""
    daemon = start_daemon({"app": {
        "main": {"source": "import os\ndef ok(): return 1\ndef leave(): os._exit(1)\n"},
        "restart_threshold": 3,
    }})
    for _ in range(3):
        assert daemon.error("app.leave")["code"] == -32003
    error = daemon.error("app.ok")
    assert error["code"] == -32005
    assert "exited with status 1 before it had answered" in error["data"]["error"]["message"]
    daemon.wait_for(lambda: daemon.connect().answer("app.ok").get("result") == 1,
                    "it to serve again")
    assert daemon.error("app.leave")["code"] == -32003  # forgiven: an answer came between
    assert daemon.call("app.ok") == 1


def test_a_program_without_workers_at_first(start_daemon):
    """min_workers 0: the first request starts one."""
    daemon = start_daemon({"app": {"main": {"source": NEEDS_FILE.replace("PATH", "'/'")},
                                   "min_workers": 0, "max_workers": 2, "idle_timeout": "200ms"}})
    assert daemon.workers() == []
    assert daemon.call("app.pid")
    # After idle_timeout it goes again, and everything with it: the fixture checks that.


def test_growing_on_demand_and_shrinking_again(start_daemon):
    daemon = start_daemon({"app": {"main": {"source": GATE_SOURCE}, "min_workers": 1,
                                   "max_workers": 3, "idle_timeout": "200ms"}})
    gates = [daemon.gate(f"gate{number}") for number in range(3)]
    client = daemon.connect()
    for gate in gates:
        client.request("app.pass_gate", [gate.path])
    for gate in gates:
        gate.wait_entered()
    assert len(daemon.workers()) == 3
    for gate in gates:
        gate.release()
    assert len(client.receive_by_id(3)) == 3
    daemon.wait_worker_count(1)
