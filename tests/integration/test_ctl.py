# SPDX-License-Identifier: MIT
"""jumpbootctl: what it sends, what it prints, and what it ends with.

The daemon is played here, so that each answer is known to the byte. test_ctl_daemon.py is about
the real one.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

import pytest
from ctl import (IO_ERROR, NO_INPUT, PROTOCOL, TRY_AGAIN, UNAVAILABLE, USAGE, ctl, ctl_command,
                 on_terminal)
from fake_server import STATUS, FakeServer, error, raw_result, result


# What is asked.


@pytest.mark.parametrize("words, params", [
    ([], None),
    (["a:=1", "b=two", "c:=[1,{}]"], {"a": 1, "b": "two", "c": [1, {}]}),
    (["[1, 2]"], [1, 2]),
    (['{"a": "b=c"}'], {"a": "b=c"}),
    (["gr\u00fc\u00df=\U0001f600"], {"gr\u00fc\u00df": "\U0001f600"}),
])
def test_params_reach_the_daemon(serve, words, params):
    server = serve(result(None))
    assert ctl("call", "calc.add", *words, socket=server.path) == (0, "null\n", "")
    expected = {"jsonrpc": "2.0", "id": 1, "method": "calc.add"}
    if params is not None:
        expected["params"] = params
    assert server.requests == [expected]


def test_params_from_stdin(serve):
    server = serve(result(3))
    status, out, _ = ctl("call", "calc.add", "-", socket=server.path, input='{\n "a": 1\n}\n')
    assert (status, out) == (0, "3\n")
    assert server.requests[0]["params"] == {"a": 1}


def test_options_may_stand_anywhere(serve):
    server = serve(result(3))
    for words in (["--timeout", "90s", "call", "calc.add", "a:=1"],
                  ["call", "-t", "1.5m", "calc.add", "a:=1"],
                  ["call", "calc.add", "a:=1", "--timeout=90s"]):
        assert ctl(*words, socket=server.path)[0] == 0
    assert ctl("--socket", server.path, "call", "calc.add", "a:=1", "--timeout=90s")[0] == 0
    for request in server.requests:
        assert request["params"] == {"a": 1}
        assert 85 < request["timeout"] <= 90


# What it prints.


@pytest.mark.parametrize("text, printed", [
    ('"a text"', '"a text"\n'),
    (' { "a" : [ 1 , 2.50 ] } ', '{"a":[1,2.50]}\n'),
    ("1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890\n"),
    ('"\\u00e9 \u00e9"', '"\\u00e9 \u00e9"\n'),
])
def test_result_is_one_line_of_json(serve, text, printed):
    server = serve(raw_result(text))
    assert ctl("call", "p.f", socket=server.path) == (0, printed, "")
    assert ctl("--json", "call", "p.f", socket=server.path) == (0, printed, "")


def test_result_is_indented_on_a_terminal(serve):
    server = serve(raw_result('{"a":[1,{}]}'))
    assert on_terminal("call", "p.f", socket=server.path) == (
        '{\n  "a": [\n    1,\n    {}\n  ]\n}\n')
    assert on_terminal("--json", "call", "p.f", socket=server.path) == '{"a":[1,{}]}\n'


def test_large_result(serve):
    server = serve(result("x" * (64 << 20)))
    status, out, err = ctl("call", "p.f", socket=server.path)
    assert (status, len(out), err) == (0, (64 << 20) + 3, "")


def test_full_disk_is_told(serve):
    server = serve(result(1))
    with open("/dev/full", "w") as full:
        status, _, err = ctl("call", "p.f", socket=server.path, stdout=full,
                             stderr=subprocess.PIPE)
    assert status == IO_ERROR
    assert err == "jumpbootctl: cannot write to standard output: No space left on device\n"


# How it fails.

TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no\n'


def test_exception_is_printed_as_python_does(serve):
    server = serve(error(-32000, "ValueError: no", kind="exception", traceback=TRACEBACK))
    assert ctl("call", "p.f", socket=server.path) == (1, "", TRACEBACK)


def test_exception_as_json(serve):
    server = serve(error(-32000, "ValueError: no", kind="exception", traceback=TRACEBACK))
    status, out, err = ctl("--json", "call", "p.f", socket=server.path)
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert json.loads(err) == {
        "code": -32000, "message": "ValueError: no",
        "data": {"kind": "exception", "traceback": TRACEBACK}}


@pytest.mark.parametrize("answer, status, told", [
    (error(-32001, "Overloaded: the queue is full", kind="overloaded", retry_after=1.2), TRY_AGAIN,
     "p.f: overloaded: the queue is full, retry after 1.2 s\n"),
    (error(-32004, "The daemon is shutting down", kind="shutting_down", started=False), TRY_AGAIN,
     "p.f: shutting_down: The daemon is shutting down; nothing was run\n"),
    # A worker had these: another try could run them a second time.
    (error(-32004, "The daemon is shutting down", kind="shutting_down", started="unknown"), 1,
     "p.f: shutting_down: The daemon is shutting down; it may have been run\n"),
    (error(-32004, "The daemon is shutting down", kind="shutting_down"), 1,
     "p.f: shutting_down: The daemon is shutting down\n"),
    (error(-32003, "The worker died", kind="worker_died", stderr="oops\n", started="unknown",
           detail="worker 12 was killed by SIGSEGV"), 1,
     "p.f: worker_died: worker 12 was killed by SIGSEGV; it may have been run\n"
     "What the worker wrote to stderr:\noops\n"),
    # With SIGSEGV this is all that tells where it happened.
    (error(-32003, "The worker died", kind="worker_died", stderr="", started=True,
           stack="Fatal Python error: Segmentation fault\n  File x", detail="worker 12 died"), 1,
     "p.f: worker_died: worker 12 died; the function had begun\n"
     "Its Python stack:\nFatal Python error: Segmentation fault\n  File x\n"),
    (error(-32601, "Method not found", kind="method_not_found", detail="there is no program"), 1,
     "p.f: method_not_found: there is no program\n"),
    (error(-32000, "what a loop of its own says", kind="exception"), 1,
     "p.f: exception: what a loop of its own says\n"),
    (error(-32008, "Too large", kind="too_large"), 1, "p.f: too_large\n"),
    (error(-32000, "without a kind"), 1, "p.f: without a kind\n"),
    (error(-32005, "Unavailable", kind="unavailable", error={"traceback": TRACEBACK}), 1,
     f"p.f: unavailable\nThe last error at its start:\n{TRACEBACK}"),
    (error(-32005, "Unavailable", kind="unavailable",
           error={"message": "it exited", "stderr": "oops"}), 1,
     "p.f: unavailable\nThe last error at its start:\nit exited\n"
     "What the worker wrote to stderr:\noops\n"),
])
def test_error_answers(serve, answer, status, told):
    server = serve(answer)
    assert ctl("call", "p.f", socket=server.path) == (status, "", f"jumpbootctl: {told}")


@pytest.mark.parametrize("stage, started, status, told", [
    ("queue", False, TRY_AGAIN, "in the queue; nothing was run"),
    ("run", "unknown", 1, "in a worker; it may have been run"),
    ("run", True, 1, "in a worker; the function had begun"),
])
def test_timeout_tells_how_far_it_came(serve, stage, started, status, told):
    server = serve(error(-32002, "Timed out", kind="timeout", stage=stage, started=started))
    ended, out, err = ctl("call", "p.f", socket=server.path)
    assert (ended, out) == (status, "")
    assert re.fullmatch(
        rf"jumpbootctl: p\.f: timeout: not done after [0-9.]+ [mu]?s, {re.escape(told)}\n", err)


def test_error_cannot_play_tricks_on_a_terminal(serve):
    server = serve(error(-32000, "x", kind="exception", traceback="\x1b[2J\x9b1m\x07\x7fno\n"))
    assert on_terminal("call", "p.f", socket=server.path) == (
        "\\x1b[2J\\x9b1m\\x07\\x7fno\n")


def test_garbage(serve):
    server = serve(lambda request: b"HTTP/1.1 400 Bad Request\r\n\r\n")
    status, out, err = ctl("call", "p.f", socket=server.path)
    assert (status, out) == (PROTOCOL, "")
    assert err.startswith("jumpbootctl: p.f: what came from the daemon is no JSON: ")


def test_daemon_that_goes_away(serve):
    server = serve(lambda request: None)
    assert ctl("call", "p.f", socket=server.path) == (
        1, "", "jumpbootctl: p.f: the daemon closed the connection before it answered\n")


def test_daemon_that_goes_away_in_mid_answer(serve):
    server = serve(lambda request: b'{"id":1,"result":', close_after=1)
    assert ctl("call", "p.f", socket=server.path) == (
        1, "", "jumpbootctl: p.f: the daemon closed the connection in the middle of an answer\n")


def test_a_daemon_that_stops_before_it_took_the_request(tmp_path):
    """Nothing of it has run: the next daemon gets it."""
    path, received = tmp_path / "socket", []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve():
            for _ in range(2):
                listening.accept()[0].close()
            connection, _ = listening.accept()
            with connection, connection.makefile("rwb") as lines:
                received.append(json.loads(lines.readline()))
                lines.write(b'{"jsonrpc":"2.0","id":1,"result":"done"}\n')

        thread = threading.Thread(target=serve)
        thread.start()
        # More than a socket takes at once.
        texts = {name: "x" * 100000 for name in "abcdefgh"}
        arguments = [f"{name}={text}" for name, text in texts.items()]
        assert ctl("call", "p.f", *arguments, socket=path) == (0, '"done"\n', "")
        thread.join()
    assert [request["params"] for request in received] == [texts]


def test_daemon_that_is_silent(serve):
    server = serve(lambda request: b"")
    assert ctl("--timeout", "1ms", "call", "p.f", socket=server.path) == (
        1, "", "jumpbootctl: p.f: no answer within 1.0 ms\n")


def test_no_daemon(tmp_path):
    status, out, err = ctl("ping", socket=tmp_path / "socket")
    assert (status, out) == (UNAVAILABLE, "")
    assert err.startswith(
        f"jumpbootctl: cannot connect to {tmp_path}/socket: No such file or directory\n")
    assert "systemctl start jumpbootd" in err


def test_daemon_that_has_ended(serve, tmp_path):
    server = serve(result(1))
    server.__exit__()
    status, _, err = ctl("ping", socket=server.path)
    assert status == UNAVAILABLE
    assert "Connection refused" in err and "systemctl start jumpbootd" in err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not connect")
def test_no_permission():
    with tempfile.TemporaryDirectory() as folder:
        command = shutil.copy(ctl_command()[-1], folder)
        os.chmod(folder, 0o755)
        with FakeServer(f"{folder}/socket", result(1)):
            os.chmod(f"{folder}/socket", 0o600)
            run = subprocess.run([command, "-s", f"{folder}/socket", "ping"], user=65534,
                                 extra_groups=[], capture_output=True, text=True)
    assert run.returncode == UNAVAILABLE
    assert "Permission denied" in run.stderr and "group" in run.stderr


@pytest.mark.parametrize("words, told", [
    ([], "which command?"),
    (["frobnicate"], "frobnicate: there is no such command\n"),
    (["sttaus"], 'sttaus: there is no such command; did you mean "status"?\n'),
    (["help", "cal"], 'cal: there is no such command; did you mean "call"?\n'),
    (["--frobnicate"], "--frobnicate: there is no such option"),
    (["-jx", "ping"], "-x: there is no such option"),
    (["--json=1", "ping"], "--json takes no value"),
    (["--socket"], "--socket needs a value"),
    (["-s", "", "ping"], "--socket needs a path"),
    (["-s", os.devnull, "ping"], f"{os.devnull} is not a socket"),
    (["--timeout", "5", "ping"], "--timeout 5: a duration is a number with a unit"),
    (["ping", "x"], "ping: it takes no arguments"),
    (["status", "x", "y"], "status: it takes one PROGRAM at most"),
    (["workers", "x", "y"], "workers: it takes one PROGRAM at most"),
    (["stack"], "stack: of which worker?"),
    (["kill"], "kill: of which worker?"),
    (["stack", "1", "2"], 'stack: it takes one PID, "2" is too much'),
    (["stack", "x"], 'stack: "x" is no PID'),
    (["kill", "-1"], "-1: there is no such option"),
    (["kill", "--", "-1"], 'kill: "-1" is no PID'),
    (["kill", "0"], 'kill: "0" is no PID'),
    (["kill", "7x"], 'kill: "7x" is no PID'),
    (["kill", "99999999999999999999"], 'kill: "99999999999999999999" is no PID'),
    (["kill", "4294967297"], 'kill: "4294967297" is no PID'),
    (["top", "x"], "top: it takes no arguments"),
    (["top", "-d", "x"], "--delay x: it is seconds"),
    (["top", "-d", "0"], "--delay 0: it is seconds"),
    (["top", "-d", "50ms"], "--delay 50ms: it is seconds"),
    (["top", "-d", "-1"], "--delay -1: it is seconds"),
    (["top", "-n", "0"], "--count 0: it is a number"),
    (["top", "-n", "1x"], "--count 1x: it is a number"),
    (["top", "-n", "-1"], "--count -1: it is a number"),
    (["status", "-n", "1"], "status: it takes no --count, top does"),
    (["ping", "-d", "1"], "ping: it takes no --delay, top does"),
    (["programs", "x"], "programs: it takes no arguments"),
    (["methods", "x", "y"], "methods: it takes one PROGRAM at most"),
    (["call"], "call: which function?"),
    (["call", "add"], 'call: "add" is no function'),
    (["call", "add", "a=1"], 'call: "add" is no function'),
    (["call", ".add"], 'call: ".add" is no function'),
    (["call", "calc."], 'call: "calc." is no function'),
    (["call", "calc.add", "a"], '"a" is no argument'),
    (["call", "calc.add", "a=1", "a=2"], '"a" is given twice'),
    (["call", "calc.add", "a:=x"], 'the value of "a" is no JSON'),
    (["call", "calc.add", "[1"], "the params: line 1, column 3"),
])
def test_wrong_command_lines(words, told):
    """Told before the daemon is asked: it is not even there."""
    status, out, err = ctl(*words)
    assert (status, out) == (USAGE, "")
    assert err.startswith(f"jumpbootctl: {told}")
    assert err.endswith("Try 'jumpbootctl --help'.\n")


def test_stdin_that_cannot_be_read():
    with open(os.devnull, "w") as unreadable:
        status, _, err = ctl("call", "p.f", "-", stdin=unreadable)
    assert status == NO_INPUT
    assert err.startswith("jumpbootctl: cannot read the params from standard input: ")


def test_help_and_version():
    status, out, err = ctl("--help")
    assert (status, err) == (0, "")
    for command in ("call", "status", "programs", "workers", "top", "methods", "ping",
                    "stack", "kill"):
        assert f"\n  {command} " in out
        status, help_of_command, err = ctl(command, "--help")
        assert (status, err) == (0, "")
        assert ctl("help", command) == (0, help_of_command, "")
        assert help_of_command.startswith(f"Usage: jumpbootctl [OPTION ...] {command}")
        assert all(len(row) <= 80 for row in help_of_command.splitlines())
    assert all(len(row) <= 80 for row in out.splitlines())
    assert ctl("help") == (0, out, "")
    status, out, err = ctl("--version")
    assert (status, err) == (0, "") and out.startswith("jumpbootctl ")


@pytest.mark.parametrize("words", [["--help"], ["call", "--help"], ["--version"]])
def test_help_that_cannot_be_written(words):
    with open("/dev/full", "w") as full:
        status, _, err = ctl(*words, stdout=full, stderr=subprocess.PIPE)
    assert status == IO_ERROR
    assert err == "jumpbootctl: cannot write to standard output: No space left on device\n"


def test_timeout_of_zero_is_none(serve):
    server = serve(result(1))
    assert ctl("--timeout", "0", "call", "p.f", socket=server.path) == (0, "1\n", "")
    assert "timeout" not in server.requests[0]


# What it shows of the daemon.

def test_status(serve):
    server = serve(result(STATUS))
    assert ctl("status", socket=server.path) == (0, """\
jumpbootd 0.1.0, pid 4711, up 2 h 3 min, on /run/x.sock
clients: 3, requests in flight: 2, buffered: 12 K

PROGRAM     STATE        IDLE  BUSY  MAX  QUEUE  OK  FAILED     P99  DEATHS
calc        ready           2     1    4      0  12       3  1.2 ms       3
thumbnails  unavailable     0     0    8      7   0     105       -       0

thumbnails: ImportError: No module named 'x'
""", "")
    assert server.requests[0]["method"] == "jumpbootd.status"


def test_status_of_one_program(serve):
    server = serve(result(STATUS))
    status, out, err = ctl("status", "calc", socket=server.path)
    assert (status, err) == (0, "")
    assert server.requests[0]["params"] == {"program": "calc"}
    assert out == """\
calc: ready, of the program set examples

workers   starting 0, idle 2, busy 1, stopping 0, max 4, min 1
queue     length 0, max 1000, high_water 3
requests  ok 12, exception 1, timeout 2
starts    all 6, in place of others 3, failed 0, maximum reached 7
deaths    all 3, exit 1, fault 2
fates     interrupted 2, terminated 1, killed 0
recycled  max_requests 1
renewed   in vain, 1 min 15 s ago: ImportError: No module
options   start_method spawn, min_workers 1, max_workers 4,
          startup_timeout 30s, idle_timeout 1m, request_timeout 30s

REQUESTS                 P50     P90     P99     MAX  COUNT
waited                     0   12 us   30 us   31 us     15
  in the last minute       -       -       -       -      0
ran                   113 us  812 us  1.2 ms  10.0 s     15
  in the last minute       -       -       -       -      0
"""


def test_status_of_a_program_that_fails(serve):
    traceback = "Traceback (most recent call last):\nImportError: No module named 'x'\n"
    programs = {"a": {**STATUS["programs"]["thumbnails"], "last_error": {"traceback": traceback}}}
    server = serve(result({**STATUS, "programs": programs}))
    assert ctl("status", "a", socket=server.path)[1].endswith(
        "\n\nThe last worker failed to start:\n" + traceback)
    programs["a"]["last_error"] = {"message": "no memory"}
    assert ctl("status", "a", socket=server.path)[1].endswith("start:\nno memory\n")


def test_status_with_a_control_group(serve):
    calc = {**STATUS["programs"]["calc"],
            "cgroup": {"path": "/a.slice/b.service/calc", "memory": 34567890, "tasks": 7}}
    server = serve(result({**STATUS, "programs": {"calc": calc}}))
    assert "\ncgroup    memory 33 M, tasks 7, path /a.slice/b.service/calc\n" in ctl(
        "status", "calc", socket=server.path)[1]
    calc["cgroup"] = {"path": 7, "memory": [], "tasks": "many"}
    assert ctl("status", "calc", socket=server.path)[0] == 0


# A member of these lists that is null was taken for a text.
def test_status_of_one_program_with_unknown_members(serve):
    calc = {**STATUS["programs"]["calc"], "options": {"start_method": "spawn", "new": None},
            "fates": {"new": None, "killed": {"by": [1]}}, "last_renewal": 3}
    status, out, err = ctl("status", "calc",
                           socket=serve(result({**STATUS, "programs": {"calc": calc}})).path)
    assert (status, err) == (0, "")
    assert "\noptions   start_method spawn, new -\n" in out
    assert "\nfates     new -, killed " in out


def test_status_without_the_program_that_was_asked_for(serve):
    server = serve(result({**STATUS, "programs": {}}))
    assert ctl("status", "calc", socket=server.path)[0] == PROTOCOL


def test_programs(serve):
    server = serve(result(STATUS))
    assert ctl("programs", socket=server.path) == (0, """\
PROGRAM     SET       STATE        IDLE  BUSY  MAX  QUEUE
calc        examples  ready           2     1    4      0
thumbnails  imaging   unavailable     0     0    8      7
""", "")


def test_colours_are_for_terminals(serve):
    server = serve(result(STATUS))
    shown = on_terminal("programs", socket=server.path)
    assert "\033[32mready\033[0m" in shown
    assert "\033[31munavailable\033[0m" in shown
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        shown = on_terminal("programs", socket=server.path, environment=environment)
        assert shown == ctl("programs", socket=server.path)[1]


def test_status_without_programs(serve):
    server = serve(result({**STATUS, "programs": {}}))
    assert "There are no programs.\n" in ctl("status", socket=server.path)[1]
    assert ctl("programs", socket=server.path) == (0, "There are no programs.\n", "")


@pytest.mark.parametrize("command", ["status", "programs"])
def test_status_as_json(serve, command):
    server = serve(result(STATUS))
    status, out, _ = ctl(command, "--json", socket=server.path)
    assert status == 0
    assert out.count("\n") == 1
    assert json.loads(out) == STATUS


# Lists that are none, and texts that are none, ended it with a signal.
@pytest.mark.parametrize("answer", [
    {}, {"ok": 1}, {"ok": True, "programs": []}, {"ok": True, "programs": 3},
    {"ok": False, "errors": [None]}, {"ok": False, "errors": {}}, {"ok": False, "errors": "x"},
    {"ok": True, "programs": {}, "warnings": [None]},
])
def test_a_reload_that_tells_nonsense(serve, answer):
    status, out, err = ctl("reload", socket=serve(result(answer)).path)
    assert (status, out) == (PROTOCOL, "")
    assert err == "jumpbootctl: the daemon's answer to jumpbootd.reload is not what it should be\n"


def test_ping(serve):
    pong = {"version": "0.1.0", "pid": 12, "uptime": 12.34}
    server = serve(result(pong))
    status, out, _ = ctl("ping", socket=server.path)
    assert status == 0
    assert out.startswith("jumpbootd 0.1.0, pid 12, up 12.3 s, answered in ")
    assert json.loads(ctl("ping", "--json", socket=server.path)[1]) == pong


DISCOVERY = {
    "openrpc": "1.3.2",
    "info": {"title": "jumpbootd", "version": "0.1.0"},
    "methods": [
        {"name": "calc.add", "summary": "Adds two numbers.", "params": [],
         "x-signature": "add(a, b=1)", "x-async": False},
        {"name": "calc.sleep", "params": [], "x-signature": "sleep(s)", "x-async": True},
        {"name": "calculus.tools.f", "summary": "", "params": [], "x-signature": "tools.f()"},
    ],
}


def test_methods(serve):
    server = serve(result(DISCOVERY))
    everything = ("calc.add(a, b=1)\n    Adds two numbers.\nasync calc.sleep(s)\n"
                  "calculus.tools.f()\n")
    assert ctl("methods", socket=server.path) == (0, everything, "")
    assert ctl("methods", "calculus", socket=server.path) == (0, "calculus.tools.f()\n", "")
    assert server.requests[0]["method"] == "rpc.discover"


def test_methods_as_json(serve):
    server = serve(result(DISCOVERY))
    assert json.loads(ctl("methods", "--json", socket=server.path)[1]) == DISCOVERY
    status, out, _ = ctl("methods", "--json", "calculus", socket=server.path)
    assert status == 0
    assert json.loads(out) == {**DISCOVERY, "methods": DISCOVERY["methods"][2:]}


STACK = 'Thread 0x1 (most recent call first):\n  File "calc.py", line 2 in add\n'


@pytest.mark.parametrize("text, shown", [(STACK, STACK), ("half a", "half a\n"), ("", "")])
def test_stack(serve, text, shown):
    server = serve(result({"pid": 4711, "program": "calc", "stack": text}))
    assert ctl("stack", "4711", socket=server.path) == (0, shown, "")
    assert server.requests[0]["method"] == "jumpbootd.stack"
    assert server.requests[0]["params"] == {"pid": 4711}


def test_kill(serve):
    answer = {"pid": 4711, "program": "calc", "end": "was killed by SIGKILL"}
    server = serve(result(answer))
    assert ctl("kill", "4711", socket=server.path) == (
        0, "worker 4711 of calc was killed by SIGKILL\n", "")
    assert server.requests[0]["method"] == "jumpbootd.kill"
    assert server.requests[0]["params"] == {"pid": 4711}
    assert "timeout" not in server.requests[0]
    assert json.loads(ctl("kill", "4711", "--json", socket=server.path)[1]) == answer


@pytest.mark.parametrize("command", ["stack", "kill"])
def test_what_only_admins_may(serve, command):
    server = serve(error(-32007, "Forbidden", kind="forbidden", detail="it is for root"))
    assert ctl(command, "4711", socket=server.path) == (
        1, "", f"jumpbootctl: jumpbootd.{command}: forbidden: it is for root\n")


@pytest.mark.parametrize("command", ["stack", "kill"])
@pytest.mark.parametrize("answer", [3, None, [], {}, {"stack": 1, "end": None}])
def test_answers_about_a_worker_that_lack_what_is_shown(serve, command, answer):
    server = serve(result(answer))
    status, out, err = ctl(command, "4711", socket=server.path)
    assert (status, out) == (PROTOCOL, "")
    assert "is not what it should be" in err


def discovery_and(programs):
    """The daemon's answers to rpc.discover and to jumpbootd.status with these programs."""
    results = {"rpc.discover": DISCOVERY, "jumpbootd.status": {"programs": programs}}
    return lambda request: result(results[request["method"]])(request)


def workers(**states):
    return {"starting": 0, "idle": 0, "busy": 0, **states}


@pytest.mark.parametrize("wanted, status, out, err", [
    ("clac", 1, "", 'jumpbootctl: there is no program "clac": did you mean "calc"?\n'),
    ("elsewhere", 1, "", 'jumpbootctl: there is no program "elsewhere"\n'),
    ("broken", 1, "",
     'jumpbootctl: the program "broken" fails to start: ImportError: No module named x\n'),
    ("slow", 1, "", 'jumpbootctl: the program "slow" has no worker that is ready, and its '
     "functions are not known yet\n"),
    ("empty", 0, 'The program "empty" has no functions.\n', ""),
])
def test_methods_of_a_program_without_any(serve, wanted, status, out, err):
    failure = {"exception": "ImportError", "message": "No module named x"}
    server = serve(discovery_and({
        "calc": {"workers": workers(idle=1), "last_error": None},
        "broken": {"workers": workers(), "last_error": failure},
        "slow": {"workers": workers(starting=1), "last_error": None},
        "empty": {"workers": workers(busy=1), "last_error": failure},
    }))
    assert ctl("methods", wanted, socket=server.path) == (status, out, err)
    as_json = ctl("methods", "--json", wanted, socket=server.path)
    assert (as_json[0], as_json[2]) == (status, err)
    assert not as_json[1] or json.loads(as_json[1]) == {**DISCOVERY, "methods": []}


@pytest.mark.parametrize("command", ["status", "programs", "workers", "top", "methods", "ping"])
@pytest.mark.parametrize("answer", [3, None, "text", []])
def test_control_answers_of_another_shape(serve, command, answer):
    server = serve(result(answer))
    status, out, err = ctl(command, socket=server.path)
    assert (status, out) == (PROTOCOL, "")
    assert "is not what it should be" in err


@pytest.mark.parametrize("command", ["status", "programs", "workers", "top", "ping"])
@pytest.mark.parametrize("answer", [{}, {"programs": {"p": 3}}, {"programs": [1]},
                                    {"programs": {"p": {"requests": 1, "workers": []}}}])
def test_control_answers_that_lack_what_is_shown(serve, command, answer):
    server = serve(result(answer))
    status, out, err = ctl(command, socket=server.path)
    assert (status, out) == (PROTOCOL, "")
    assert "is not what it should be" in err


# How it fits.


def widest(shown):
    return max(len(row) for row in re.sub("\033\\[[0-9]*m", "", shown).splitlines())


def test_tables_fit_the_terminal(serve):
    programs = {"a_program_with_a_rather_long_name_" * 2: STATUS["programs"]["calc"],
                "short": {**STATUS["programs"]["calc"], "program_set": "set_with_a_long_name_too"}}
    server = serve(result({**STATUS, "programs": programs}))
    utf8 = {"LC_ALL": "C.UTF-8"}
    shown = on_terminal("programs", socket=server.path, environment=utf8)
    assert widest(shown) == 80
    assert "a_program_with_a" in shown and "\u2026" in shown
    narrow = on_terminal("programs", socket=server.path, environment=utf8, columns=60)
    assert widest(narrow) == 60
    assert widest(on_terminal("programs", socket=server.path, columns=200)) > 100
    # Nobody looks at a pipe: nothing is cut there.
    out = ctl("programs", socket=server.path)[1]
    assert all(name in out for name in programs)


def test_documentation_fits_the_terminal(serve):
    method = {"name": "p.f", "summary": "Says much. " * 20, "x-signature": "f()"}
    server = serve(result({**DISCOVERY, "methods": [method]}))
    shown = on_terminal("methods", socket=server.path, environment={"LC_ALL": "C.UTF-8"})
    assert widest(shown) == 80
    assert shown.endswith("\u2026\n")
    assert method["summary"] in ctl("methods", socket=server.path)[1]
