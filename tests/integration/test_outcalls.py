# SPDX-License-Identifier: MIT
"""Calls that programs make to programs, with the real daemon and real Python."""
import os
import pwd
import signal

import pytest
from harness import GATE_SOURCE, Client, as_user, error_of, wait_until

ALPHA = GATE_SOURCE + """
import asyncio, os, threading, time
import jumpboot

def call(name, *args):
    return jumpboot.call(name, *args)

def named(name, arguments):
    return jumpboot.call(name, **arguments)

def limited(name, timeout, *args):
    return jumpboot.call(name, *args, timeout=timeout)

async def acall(name, *args):
    return await jumpboot.acall(name, *args)

async def gather(*names):
    return await asyncio.gather(*[jumpboot.acall(name) for name in names])

async def outcomes(*names):
    found = await asyncio.gather(*[jumpboot.acall(*name) for name in names],
                                 return_exceptions=True)
    return [told(error) if isinstance(error, Exception) else error for error in found]

def in_threads(name, count):
    results = []
    threads = [threading.Thread(target=lambda n=n: results.append(jumpboot.call(name, n)))
               for n in range(count)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return sorted(results)

def told(error):
    return [type(error).__name__, error.code, error.data]

def caught(name, *args):
    try:
        return jumpboot.call(name, *args)
    except jumpboot.CallError as error:
        return told(error)

def chain(*names):
    '''Calls the first with the rest.'''
    return jumpboot.call(names[0], *names[1:]) if names else "the end"

def recurse(n):
    return n if n == 0 else jumpboot.call("alpha.recurse", n - 1)

def pid():
    return os.getpid()

def echo(value=None):
    return value

def leave_call(name, *args):
    threading.Thread(target=lambda: jumpboot.call(name, *args)).start()
    return "left"

def die():
    os.kill(os.getpid(), 9)

def catch_interrupt(name, *args):
    try:
        return jumpboot.call(name, *args)
    except jumpboot.RequestInterrupted as error:
        open(args[0] + ".told", "w").write(type(error).__name__)
        raise
"""

BETA = GATE_SOURCE + """
import os
import jumpboot

def chain(*names):
    return jumpboot.call(names[0], *names[1:]) if names else "the end"

def add(a, b=1):
    return a + b

def echo(value=None):
    return value

def fail(text):
    raise ValueError(text)

def big(n):
    return "x" * n

def pid():
    return os.getpid()

def die():
    os.kill(os.getpid(), 9)

async def later(value):
    return value
"""


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon({"alpha": {"main": {"source": ALPHA}, "min_workers": 3,
                                          "max_workers": 3},
                                "beta": BETA, "gamma": BETA})


@pytest.fixture
def client(daemon):
    return daemon.connect()


def workers_of(daemon, program):
    with Client(daemon.socket_path) as client:
        return [worker for worker in client.call("jumpbootd.workers")["workers"]
                if worker["program"] == program]


@pytest.mark.valgrind
def test_one_program_calls_another(client):
    assert client.call("alpha.call", ["beta.add", 2, 3]) == 5
    assert client.call("alpha.named", ["beta.add", {"a": 5}]) == 6
    assert client.call("alpha.acall", ["beta.later", [1, "ä"]]) == [1, "ä"]
    assert client.call("alpha.call", ["beta.echo"]) is None


def test_a_program_calls_itself(daemon, client):
    assert client.call("alpha.call", ["alpha.echo", {"a": 1}]) == {"a": 1}
    assert client.call("alpha.recurse", [2]) == 0
    assert client.call("alpha.gather", ["alpha.pid"] * 2)[0] in [
        worker["pid"] for worker in workers_of(daemon, "alpha")]


@pytest.mark.valgrind
def test_several_at_once(client):
    assert client.call("alpha.gather", ["beta.echo", "beta.add", "gamma.echo"][:1] * 3) == [None] * 3
    assert client.call("alpha.gather", ["beta.echo"] * 150) == [None] * 150
    assert client.call("alpha.in_threads", ["beta.echo", 20]) == list(range(20))


def test_errors_tell_what_went_wrong_there(client):
    name, code, data = client.call("alpha.caught", ["beta.fail", "too bad"])
    assert [name, code, data["exception"], data["message"], data["args"]] == [
        "RemoteError", -32000, "ValueError", "too bad", ["too bad"]]
    assert "in fail" in data["traceback"]
    error = client.error("alpha.call", ["beta.fail", "too bad"])
    assert error["data"]["exception"] == "jumpboot.RemoteError"
    assert "in fail" in error["data"]["traceback"] and "in call" in error["data"]["traceback"]


@pytest.mark.parametrize("arguments, name, code", [
    (["beta.none"], "MethodNotFound", -32601), (["nobody.f"], "MethodNotFound", -32601),
    (["beta"], "MethodNotFound", -32601), (["beta." + "x" * 3000], "MethodNotFound", -32601),
    (["x" * 3000], "MethodNotFound", -32601), (["beta.add"], "InvalidParams", -32602),
    (["jumpbootd.status"], "CallError", -32007), (["rpc.discover"], "CallError", -32007),
])
def test_calls_that_are_refused(client, arguments, name, code):
    assert client.call("alpha.caught", arguments)[:2] == [name, code]


def test_a_name_that_is_near_is_told(client):
    assert "did you mean \"beta\"" in client.call("alpha.caught", ["betta.add"])[2]["detail"]


@pytest.mark.valgrind
def test_a_call_that_waits_for_itself_is_refused_at_once(client):
    """A → B → A with one worker each, A → A with one worker."""
    for names in (["gamma.chain", "beta.chain", "gamma.chain"], ["beta.chain", "beta.chain"],
                  ["beta.chain", "gamma.chain", "alpha.chain", "beta.chain"]):
        error = client.error("alpha.call", names)
        assert error["data"]["cause"]["exception"] == "jumpboot.RemoteTraceback"
        assert "call_refused" in str(error) or "CallRefused" in str(error)
    name, code, data = client.call("alpha.caught", ["beta.chain", "beta.chain"])
    assert "CallRefused" in data["traceback"]
    assert client.call("alpha.call", ["beta.chain", "gamma.chain", "alpha.chain"]) == "the end"


def test_the_reason_stands_in_the_data(start_daemon):
    client = start_daemon({"alpha": ALPHA}).connect()
    assert client.call("alpha.caught", ["alpha.echo"]) == ["CallRefused", -32009, {
        "kind": "call_refused", "reason": "deadlock",
        "detail": client.call("alpha.caught", ["alpha.echo"])[2]["detail"]}]


def test_whoever_closes_the_circle_is_refused(daemon, client):
    """alpha waits in beta's queue when beta calls it: all three of alpha's workers wait."""
    gate = daemon.gate("circle")
    others = [daemon.connect() for _ in range(4)]
    others[0].request("beta.chain", ["gamma.pass_gate", gate.path])
    gate.wait_entered()  # beta is busy
    for other in others[1:]:
        other.request("alpha.caught", ["beta.echo", 7])
    wait_until(lambda: len([worker for worker in workers_of(daemon, "alpha")
                            if worker.get("calls")]) == 3, "alpha's workers to wait")
    gate.release()
    others[0].receive()
    assert [other.receive()["result"] for other in others[1:]] == [7] * 3
    gate = daemon.gate("circle2")
    others[0].request("beta.chain", ["gamma.chain", "alpha.pass_gate", gate.path])
    gate.wait_entered()
    for other in others[1:3]:
        other.request("alpha.caught", ["gamma.echo", 7])
    gate.release()
    assert others[0].receive()["result"] == "passed"
    assert [other.receive()["result"] for other in others[1:3]] == [7] * 2


def test_depth_is_limited(start_daemon):
    daemon = start_daemon({"alpha": {"main": {"source": ALPHA}, "min_workers": 8,
                                     "max_workers": 8}},
                          server={"max_call_depth": 4})
    client = daemon.connect()
    assert client.call("alpha.recurse", [4]) == 0
    error = client.error("alpha.recurse", [5])
    assert "max_call_depth" in error["data"]["traceback"]


def test_the_callers_deadline_holds_for_all(daemon, client):
    gate = daemon.gate("deadline")
    error = client.error("alpha.call", ["beta.chain", "gamma.pass_gate", gate.path], timeout=1)
    assert error["code"] == -32002
    wait_until(lambda: not any(worker.get("function") for program in ("alpha", "beta", "gamma")
                               for worker in workers_of(daemon, program)),
               "all of them to be idle")
    assert client.call("alpha.call", ["beta.chain", "gamma.echo", 3]) == 3


def test_a_timeout_of_the_call_is_an_exception(daemon, client):
    gate = daemon.gate("timeout")
    error = client.error("alpha.limited", ["beta.pass_gate", 0.5, gate.path])
    assert error["code"] == -32000
    assert error["data"]["exception"] == "jumpboot.CallTimeout"
    assert client.call("alpha.call", ["beta.echo", 3]) == 3


def test_a_cancel_ends_all_of_it(daemon, client):
    gate = daemon.gate("cancel")
    client.request("alpha.catch_interrupt", ["beta.pass_gate", gate.path], id="x")
    gate.wait_entered()
    client.notify("$/cancelRequest", {"id": "x"})
    assert error_of(client.receive())["code"] == -32006
    told = daemon.directory / "cancel.told"
    wait_until(lambda: told.exists() and told.read_text() == "RequestCancelled", "the exception")
    assert client.call("alpha.call", ["beta.echo", 3]) == 3
    gate.release()


def test_what_its_caller_does_not_wait_for_is_cancelled(daemon, client):
    gate = daemon.gate("left")
    for _ in range(3):
        assert client.call("alpha.leave_call", ["beta.pass_gate", gate.path]) == "left"
        assert client.call("alpha.call", ["beta.echo", 3]) == 3


def test_the_callee_dies(client):
    name, code, data = client.call("alpha.caught", ["beta.die"])
    assert [name, code, data["signal"]] == ["WorkerDied", -32003, "SIGKILL"]
    assert client.call("alpha.call", ["beta.echo", 3]) == 3


def test_the_caller_dies(daemon, client):
    gate = daemon.gate("orphan")
    client.request("alpha.call", ["beta.pass_gate", gate.path])
    gate.wait_entered()
    waiting = [worker for worker in workers_of(daemon, "alpha") if worker["function"]]
    assert [call["method"] for call in waiting[0]["calls"]] == ["beta.pass_gate"]
    os.kill(waiting[0]["pid"], signal.SIGKILL)
    assert error_of(client.receive())["code"] == -32003
    assert client.call("beta.echo", [3]) == 3
    assert client.call("alpha.call", ["beta.echo", 3]) == 3


@pytest.mark.parametrize("size", [1, 100000, 20 << 20])
def test_large_results_and_arguments(client, size):
    assert client.call("alpha.call", ["beta.big", size]) == "x" * size
    if size < 10 << 20:
        assert client.call("alpha.call", ["beta.echo", "ä" * size]) == "ä" * size


def test_a_result_over_the_limit_and_arguments_over_it(start_daemon):
    client = start_daemon({"alpha": ALPHA, "beta": BETA},
                          server={"max_response_size": "64K", "max_request_size": "64K"}).connect()
    assert client.call("alpha.caught", ["beta.big", 70000])[:2] == ["CallTooLarge", -32008]
    assert client.call("alpha.named", ["beta.big", {"n": 60000}]) == "x" * 60000
    error = client.error("alpha.chain", ["beta.echo", "x" * 65450])
    assert error["data"]["exception"] == "jumpboot.CallTooLarge"
    assert client.call("alpha.call", ["beta.echo", 3]) == 3


def test_a_notification_may_call(daemon):
    gate = daemon.gate("told")
    with Client(daemon.socket_path) as client:
        client.notify("alpha.call", ["beta.pass_gate", gate.path])
    gate.wait_entered()
    gate.release()


def test_reload_and_shutdown_let_calls_end(start_daemon):
    daemon = start_daemon({"alpha": ALPHA, "beta": BETA})
    client = daemon.connect()
    gate = daemon.gate()
    client.request("alpha.chain", ["beta.chain", "beta.pass_gate", gate.path])
    assert error_of(client.receive())["code"] == -32000  # a deadlock
    client.request("alpha.chain", ["beta.pass_gate", gate.path])
    gate.wait_entered()
    client.request("alpha.chain", ["beta.echo", 5])  # it waits, and calls when it is its turn
    daemon.terminate()
    daemon.wait_for(lambda: "answering what is under way" in daemon.log(), "the signal")
    gate.release()
    assert client.receive()["result"] == "passed"
    assert client.receive()["result"] == 5
    assert daemon.wait_end() == 0


NOBODY = pwd.getpwnam("nobody")


@pytest.mark.skipif(os.getuid() != 0, reason="other users cannot be had")
def test_access_is_that_of_the_outermost_caller(start_daemon):
    daemon = start_daemon({"alpha": ALPHA, "beta": {"main": {"source": BETA},
                                                    "allow_users": ["daemon"]},
                           "gamma": {"main": {"source": BETA}, "allow_groups": ["daemon"]}},
                          server={"listen_mode": "0666"})
    daemon.directory.chmod(0o755)

    def attempt():
        with Client(daemon.socket_path) as client:
            return [client.call("alpha.caught", [name, 1]) for name in ("beta.echo", "gamma.echo")]

    group = pwd.getpwnam("daemon").pw_gid
    assert attempt() == [1, 1]
    for told in as_user(attempt, NOBODY.pw_uid, NOBODY.pw_gid):
        assert told[:2] == ["MethodNotFound", -32601]
        assert "did you mean" not in told[2]["detail"]
    user = pwd.getpwnam("daemon")
    assert as_user(attempt, user.pw_uid, NOBODY.pw_gid)[0] == 1
    assert as_user(attempt, NOBODY.pw_uid, NOBODY.pw_gid, [group])[1] == 1


@pytest.mark.skipif(os.getuid() != 0, reason="other users cannot be had")
def test_groups_of_a_caller_that_has_gone_count(start_daemon):
    daemon = start_daemon({"alpha": ALPHA, "gamma": {"main": {"source": BETA},
                                                     "allow_groups": ["daemon"]}},
                          server={"listen_mode": "0666"})
    daemon.directory.chmod(0o755)
    first, second = daemon.gate("first"), daemon.gate("second")
    os.chmod(first.path, 0o666)

    def attempt():
        with Client(daemon.socket_path) as client:
            client.notify("alpha.pass_gate", [first.path])
            client.notify("alpha.call", ["gamma.pass_gate", second.path])
        return True

    assert as_user(attempt, NOBODY.pw_uid, NOBODY.pw_gid, [pwd.getpwnam("daemon").pw_gid])
    first.wait_entered()
    first.release()
    second.wait_entered()
    second.release()
