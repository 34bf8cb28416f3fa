# SPDX-License-Identifier: MIT
"""jumpbootctl with the real daemon and real Python behind it."""
import json
import os
import re
import signal
import subprocess

import pytest
from ctl import TRY_AGAIN, ctl, ctl_command
from harness import DEADLINE, GATE_SOURCE, heed_signals, source, wait_until

APP = '''
"""For jumpbootctl."""
import os
import sys
import time


def arguments(*args, **kwargs):
    """Gives back what it got.

    And says more than its first line.
    """
    return [list(args), kwargs]


def add(a, b=1):
    return a + b


async def later(x):
    return x


def fail():
    try:
        1 / 0
    except ZeroDivisionError as cause:
        raise ValueError("no\\nsuch luck") from cause


def die():
    print("good bye", file=sys.stderr)
    os._exit(3)


def wait():
    time.sleep(3600)
'''


@pytest.fixture(scope="module")
def socket(start_module_daemon):
    return start_module_daemon({"app": APP}).socket_path


@pytest.mark.parametrize("words, result", [
    ([], [[], {}]),
    (["[1, [2.50, null]]"], [[1, [2.5, None]], {}]),
    (['{"a": {"b": "c=d"}}'], [[], {"a": {"b": "c=d"}}]),
    (["n:=12345678901234567890123", "t=12", "empty=", "list:=[\n1]"],
     [[], {"n": 12345678901234567890123, "t": "12", "empty": "", "list": [1]}]),
    (["name=gr\u00fc\u00df \U0001f600 \"\\\n"], [[], {"name": "gr\u00fc\u00df \U0001f600 \"\\\n"}]),
])
def test_arguments_and_results(socket, words, result):
    status, out, err = ctl("call", "app.arguments", *words, socket=socket)
    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    assert json.loads(out) == result


def test_params_from_stdin(socket):
    status, out, _ = ctl("call", "app.add", "-", socket=socket, input='{\n  "a": 1,\n  "b": 2\n}\n')
    assert (status, out) == (0, "3\n")


def test_exception_has_its_causes(socket):
    status, out, err = ctl("call", "app.fail", socket=socket)
    assert (status, out) == (1, "")
    assert err.startswith("Traceback (most recent call last):\n")
    assert "ZeroDivisionError: division by zero\n" in err
    assert "The above exception was the direct cause of the following exception:\n" in err
    assert err.endswith("ValueError: no\nsuch luck\n")


def test_exception_as_json(socket):
    status, out, err = ctl("call", "--json", "app.fail", socket=socket)
    assert (status, out) == (1, "")
    error = json.loads(err)
    assert error["code"] == -32000
    assert error["data"]["cause"]["exception"] == "ZeroDivisionError"


@pytest.mark.parametrize("words, told", [
    (["app.latr"],
     'app.latr: method_not_found: there is no function "latr": did you mean "later"?\n'),
    (["ap.add"],
     'ap.add: method_not_found: there is no program "ap": did you mean "app"?\n'),
    (["app.add", "c=1"], "app.add: invalid_params: "),
    (["app.die"], "app.die: worker_died: worker "),
])
def test_errors(socket, words, told):
    status, out, err = ctl("call", *words, socket=socket)
    assert (status, out) == (1, "")
    assert err.startswith(f"jumpbootctl: {told}")


def test_words_of_a_dying_worker(socket):
    assert ctl("call", "app.die", socket=socket)[2].endswith(
        "What the worker wrote to stderr:\ngood bye\n")


def test_wrong_arguments_name_the_signature(socket):
    assert "add(a, b=1)" in ctl("call", "app.add", "c=1", socket=socket)[2]


def test_timeout_is_answered_by_the_daemon(socket):
    status, _, err = ctl("--timeout", "50ms", "call", "app.wait", socket=socket)
    assert status == 1
    assert re.fullmatch(r"jumpbootctl: app\.wait: timeout: not done after [0-9.]+ m?s, in a worker"
                        r"; the function had begun\n", err)


def test_unavailable_program(start_daemon):
    daemon = start_daemon({"app": "import nonesuch_module\n"}, ready=False)
    status, _, err = ctl("call", "app.f", socket=daemon.socket_path)
    assert status == 75  # nothing has run
    assert err.startswith("jumpbootctl: app.f: unavailable: ")
    assert "\nModuleNotFoundError: No module named 'nonesuch_module'\n" in err
    status, out, _ = ctl("status", socket=daemon.socket_path)
    assert status == 0
    assert "app: ModuleNotFoundError: No module named 'nonesuch_module'\n" in out
    assert ctl("methods", "app", socket=daemon.socket_path) == (
        1, "", 'jumpbootctl: the program "app" fails to start: ModuleNotFoundError: '
        "No module named 'nonesuch_module'\n")


def test_methods(socket):
    status, out, _ = ctl("methods", "app", socket=socket)
    assert status == 0
    assert out.startswith("app.arguments(*args, **kwargs)\n    Gives back what it got.\n"
                          "app.add(a, b=1)\nasync app.later(x)\n")
    document = json.loads(ctl("methods", "--json", socket=socket)[1])
    assert [method["name"] for method in document["methods"]][:2] == ["app.arguments", "app.add"]


def test_programs_and_status(socket):
    status, out, _ = ctl("programs", socket=socket)
    assert status == 0
    title, program = out.splitlines()
    assert title.split() == ["PROGRAM", "SET", "STATE", "IDLE", "BUSY", "MAX", "QUEUE"]
    assert program.split() == ["app", "tests", "ready", "1", "0", "1", "0"]

    status, out, _ = ctl("status", socket=socket)
    assert status == 0
    assert f", on {socket}\n" in out
    assert all(len(row) <= 80 for row in out.splitlines()[1:])
    assert list(json.loads(ctl("status", "--json", socket=socket)[1])["programs"]) == ["app"]


def test_ping(socket):
    pong = json.loads(ctl("ping", "--json", socket=socket)[1])
    status, out, _ = ctl("ping", socket=socket)
    assert status == 0
    assert f"pid {pong['pid']}," in out
    os.kill(pong["pid"], 0)


def test_ctrl_c_cancels_the_call(start_daemon):
    daemon = start_daemon({"app": GATE_SOURCE})
    gate = daemon.gate()
    with subprocess.Popen(
        [*ctl_command(), "call", "app.pass_gate", f"path={gate.path}"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "JUMPBOOT_SOCKET": str(daemon.socket_path)},
        # The tests may run in the background, where a shell has the signal ignored.
        preexec_fn=heed_signals,
    ) as process:
        gate.wait_entered()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=DEADLINE) == (b"", b"")
    assert process.returncode == 130
    assert daemon.program_status("app")["requests"]["cancelled"] == 1


def test_full_queue_says_try_again(start_daemon):
    daemon = start_daemon({"app": {"main": source(GATE_SOURCE), "max_queue_size": 1}})
    gate = daemon.gate()
    client = daemon.connect()
    client.send({"jsonrpc": "2.0", "id": 1, "method": "app.pass_gate", "params": [gate.path]})
    gate.wait_entered()
    client.send({"jsonrpc": "2.0", "id": 2, "method": "app.pass_gate", "params": [os.devnull]})
    wait_until(lambda: daemon.program_status("app")["queue"]["length"] == 1, "a full queue")
    status, out, err = ctl("call", "app.pass_gate", f"path={os.devnull}",
                           socket=daemon.socket_path)
    assert (status, out) == (TRY_AGAIN, "")
    assert re.fullmatch(r"jumpbootctl: app.pass_gate: overloaded: .*, retry after [0-9.]+ s\n", err)
    gate.release()
    assert {client.receive()["id"], client.receive()["id"]} == {1, 2}
