# SPDX-License-Identifier: MIT
"""The config is read anew while all goes on."""
import json
import os
import signal
import subprocess
import threading

import pytest
from ctl import ctl
from harness import GATE_SOURCE, CallError, Client, as_user, wait_until

PROGRAM = GATE_SOURCE + """
import os

def pid():
    return os.getpid()

def echo(value):
    return value

def version():
    return VERSION
"""

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="another uid takes root")


def program(version=1, **options):
    return {"main": {"source": PROGRAM + f"\nVERSION = {version}\n"}, **options}


def start(start_daemon, programs, **options):
    server = {"admin_users": [str(os.getuid())], **options.pop("server", {})}
    return start_daemon(programs, server=server, **options)


def write(daemon, programs, **server):
    """The next config."""
    key, value = daemon.mark.split("=")
    marked = {name: {**options, "env": {key: value}} for name, options in programs.items()}
    (daemon.directory / "tests.conf").write_text(json.dumps({"programs": marked}))
    config = json.loads(daemon.config_path.read_text())
    config.update({"program_sets": ["tests.conf"] if programs else [], **server})
    daemon.config_path.write_text(json.dumps(config))
    daemon.baseline = None


def reload(daemon, programs, **server):
    write(daemon, programs, **server)
    return daemon.call("jumpbootd.reload")


def changes(result):
    return {name: (entry["change"], entry["ok"]) for name, entry in result["programs"].items()}


@pytest.mark.valgrind
def test_only_what_changed_gets_new_workers(start_daemon):
    programs = {"same": program(), "other": program(), "text": program()}
    daemon = start(start_daemon, programs)
    before = {name: daemon.call(f"{name}.pid") for name in programs}
    result = reload(daemon, {"same": program(), "other": program(request_timeout="17s"),
                             "text": program(2)})
    assert result["ok"] and result["warnings"] == []
    assert changes(result) == {"same": ("unchanged", True), "other": ("changed", True),
                               "text": ("changed", True)}
    assert daemon.call("same.pid") == before["same"]
    wait_until(lambda: daemon.call("other.pid") != before["other"], "the new worker of other")
    wait_until(lambda: daemon.call("text.version") == 2, "the new text")
    assert daemon.log_lines("2 programs changed, 0 added, 0 removed, 1 unchanged")


def test_a_config_that_did_not_change_touches_nothing(start_daemon):
    daemon = start(start_daemon, {"app": program()})
    workers = daemon.workers()
    assert changes(reload(daemon, {"app": program()})) == {"app": ("unchanged", True)}
    assert daemon.workers() == workers


@pytest.mark.valgrind
def test_a_wrong_config_changes_nothing(start_daemon):
    daemon = start(start_daemon, {"app": program()})
    workers = daemon.workers()
    result = reload(daemon, {"app": program(2, max_workers=0), "more": program(nice="x")})
    assert result["ok"] is False and len(result["errors"]) == 2 and "programs" not in result
    for error in result["errors"]:
        assert error.startswith(f"{daemon.directory}/tests.conf:1:")
        assert daemon.log_lines(error)
    assert daemon.workers() == workers
    assert daemon.call("app.version") == 1
    assert daemon.error("more.pid")["code"] == -32601


def test_a_file_that_is_gone_is_told(start_daemon):
    daemon = start(start_daemon, {"app": program()})
    daemon.config_path.rename(daemon.directory / "elsewhere")
    daemon.baseline = None
    result = daemon.call("jumpbootd.reload")
    assert result["ok"] is False and "cannot read" in result["errors"][0]
    assert daemon.call("app.version") == 1


def test_what_does_not_import_leaves_the_old_one_in_force(start_daemon):
    daemon = start(start_daemon, {"app": program(), "other": program()})
    broken = {"main": {"source": "import no_such_module"}}
    for _ in range(2):
        result = reload(daemon, {"app": broken, "other": program()})
        assert not result["ok"]
        assert changes(result) == {"app": ("changed", False), "other": ("unchanged", True)}
        error = result["programs"]["app"]["error"]
        assert error["exception"] == "ModuleNotFoundError" and "no_such_module" in error["message"]
        assert daemon.call("app.version") == 1
    assert reload(daemon, {"app": program(3), "other": program()})["ok"]
    wait_until(lambda: daemon.call("app.version") == 3, "the repaired program")


def test_a_program_that_never_started_is_repaired(start_daemon):
    broken = {"main": {"source": "import no_such_module"}, "restart_threshold": 1}
    daemon = start(start_daemon, {"app": broken}, ready=False)
    wait_until(lambda: daemon.program_status("app")["state"] == "unavailable", "the failure")
    assert reload(daemon, {"app": program(2)})["ok"]
    assert daemon.call("app.version") == 2


def test_programs_come_and_go(start_daemon):
    daemon = start(start_daemon, {"old": program(), "stays": program()})
    result = reload(daemon, {"new": program(2), "stays": program()})
    assert changes(result) == {"old": ("removed", True), "new": ("added", True),
                               "stays": ("unchanged", True)}
    assert daemon.error("old.pid")["code"] == -32601
    assert daemon.call("new.version") == 2
    assert set(daemon.status()["programs"]) == {"new", "stays"}
    daemon.wait_worker_count(2)
    assert changes(reload(daemon, {})) == {"new": ("removed", True), "stays": ("removed", True)}
    daemon.wait_worker_count(0)
    assert daemon.status()["programs"] == {}


def test_a_removed_program_answers_what_it_has(start_daemon):
    daemon = start(start_daemon, {"app": program(), "stays": program()})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="running")
    gate.wait_entered()
    client.request("app.echo", ["queued"], id="queued")
    assert reload(daemon, {"stays": program()})["ok"]
    assert daemon.error("app.pid")["code"] == -32601
    shown = daemon.call("jumpbootd.workers")["workers"]
    assert [(w["program"], w["function"]) for w in shown if w["state"] == "busy"] == [
        ("app", "pass_gate")]
    gate.release()
    answers = client.receive_by_id(2)
    assert answers["running"]["result"] == "passed"
    assert answers["queued"]["result"] == "queued"
    daemon.wait_worker_count(1)


def test_a_removed_program_has_its_time(start_daemon):
    daemon = start(start_daemon, {"app": program(graceful_timeout="100ms"), "stays": program()})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="running")
    gate.wait_entered()
    client.request("app.echo", ["queued"], id="queued")
    assert reload(daemon, {"stays": program()})["ok"]
    for answer in client.receive_by_id(2).values():
        assert answer["error"]["code"] == -32004
    daemon.wait_worker_count(1)
    gate.release()


def test_a_worker_of_a_removed_program_can_be_ended(start_daemon):
    daemon = start(start_daemon, {"app": program(), "stays": program()})
    pid = daemon.call("app.pid")
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path])
    gate.wait_entered()
    assert reload(daemon, {"stays": program()})["ok"]
    daemon.call("jumpbootd.kill", {"pid": pid})
    assert client.receive()["error"]["code"] == -32006
    daemon.wait_worker_count(1)
    gate.release()


def test_a_client_may_leave_before_a_removed_program(start_daemon):
    daemon = start(start_daemon, {"app": program(), "stays": program()})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path])
    gate.wait_entered()
    client.request("app.echo", ["queued"])
    assert reload(daemon, {"stays": program()})["ok"]
    client.close()
    gate.release()
    daemon.wait_worker_count(1)
    daemon.wait_for(lambda: daemon.status()["requests_in_flight"] == 1, "nothing to be left")


class Caller(threading.Thread):
    """Calls without end; every answer has to be its own."""

    def __init__(self, daemon, name):
        super().__init__()
        self.path, self.label, self.stops = daemon.socket_path, name, False
        self.n_calls, self.failure = 0, None
        self.start()

    def run(self):
        try:
            with Client(self.path) as client:
                while not self.stops:
                    token = f"{self.label}-{self.n_calls}"
                    assert client.call("app.echo", [token]) == token
                    self.n_calls += 1
        except BaseException as error:
            self.failure = error


def test_no_call_fails_because_of_reloads(start_daemon):
    daemon = start(start_daemon, {"app": program(min_workers=2, max_workers=2)})
    callers = [Caller(daemon, number) for number in range(4)]
    try:
        for number in range(20):
            good = number % 2 == 0
            options = {"min_workers": 2, "max_workers": 2}
            wanted = program(number, **options) if good else [
                program(number, **options, nonsense=1),
                {"main": {"source": "raise OSError('no')"}, **options},
            ][number // 2 % 2]
            assert reload(daemon, {"app": wanted})["ok"] is good
            if good:
                wait_until(lambda: daemon.call("app.version") == number, "the new version")
            made = [caller.n_calls for caller in callers]
            wait_until(lambda: any(c.failure for c in callers) or all(
                c.n_calls > n for c, n in zip(callers, made)), "calls to go on")
    finally:
        for caller in callers:
            caller.stops = True
        for caller in callers:
            caller.join()
    assert [caller.failure for caller in callers] == [None] * 4
    requests = daemon.program_status("app")["requests"]
    assert set(requests) == {"ok"}, requests


def test_server_options_apply_at_once(start_daemon):
    daemon = start(start_daemon, {"app": program()})
    client = daemon.connect()
    result = reload(daemon, {"app": program()}, log_level="debug", max_request_size="1K",
                    listen=str(daemon.directory / "other"), listen_mode="0600")
    assert result["ok"] and len(result["warnings"]) == 2
    assert all("needs a restart" in warning for warning in result["warnings"])
    assert client.error("app.echo", ["x" * 2000])["code"] == -32008
    assert client.call("app.echo", [1]) == 1
    assert daemon.log_lines("debug: ")
    assert not (daemon.directory / "other").exists()
    # What is not in force is told again.
    assert len(daemon.call("jumpbootd.reload")["warnings"]) == 2


def test_a_smaller_limit_of_answers_concerns_all_programs(start_daemon):
    daemon = start(start_daemon, {"app": program()})
    result = reload(daemon, {"app": program()}, max_response_size="2K")
    assert changes(result) == {"app": ("changed", True)}
    wait_until(lambda: "error" in daemon.connect().answer("app.echo", ["x" * 5000]), "the limit")
    assert daemon.error("app.echo", ["x" * 5000])["code"] == -32008


def test_fewer_clients_from_now_on(start_daemon):
    daemon = start(start_daemon, {"app": program()})
    clients = [daemon.connect() for _ in range(4)]
    assert all(client.call("app.echo", [1]) == 1 for client in clients)
    write(daemon, {"app": program()}, max_clients=2)
    assert clients[0].call("jumpbootd.reload")["ok"]
    late = daemon.connect()
    late.request("app.echo", [2])
    assert all(client.call("app.echo", [1]) == 1 for client in clients)
    assert not late.has_input()
    for client in clients[1:]:
        client.close()
    assert late.receive()["result"] == 2


def test_restart_gives_new_workers(start_daemon):
    daemon = start(start_daemon, {"app": program(), "other": program()})
    before, other = daemon.call("app.pid"), daemon.call("other.pid")
    assert daemon.call("jumpbootd.restart", {"program": "app"}) == {"ok": True}
    wait_until(lambda: daemon.call("app.pid") != before, "the new worker")
    assert daemon.call("other.pid") == other
    assert daemon.error("jumpbootd.restart", {"program": "none"})["code"] == -32602
    assert daemon.error("jumpbootd.restart")["code"] == -32602
    daemon.baseline = None


def test_restart_that_fails_says_why(start_daemon):
    source = PROGRAM + "\nwith open('start') as file:\n    exec(file.read())\nVERSION = 1\n"
    daemon = start(start_daemon, {"app": {"main": {"source": source}}}, files={"start": ""})
    (daemon.directory / "start").write_text("raise OSError('not today')")
    result = daemon.call("jumpbootd.restart", {"program": "app"})
    assert result["ok"] is False and result["error"]["message"] == "not today"
    assert daemon.call("app.version") == 1


def test_a_hangup_reloads(start_daemon):
    daemon = start(start_daemon, {"app": program()})
    write(daemon, {"app": program(2)})
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_log("the config is taken")
    wait_until(lambda: daemon.call("app.version") == 2, "the new text")


SLOW = {"main": {"source": PROGRAM + "\nimport os, time\n"
                 "while not os.path.exists('go'): time.sleep(0.01)\nVERSION = 2\n"}}
HANGS = {"main": {"source": "import threading\nthreading.Event().wait()\n"},
         "startup_timeout": "0"}


def test_a_reload_in_the_start_is_followed_at_once(start_daemon):
    """The story: a start that hung could not be mended, since the reload waited for it."""
    daemon = start(start_daemon, {"app": program(), "hangs": HANGS, "gone": HANGS}, ready=False)
    daemon.wait_worker_count(3)
    wait_until(lambda: daemon.call("app.version") == 1, "the program that starts")
    write(daemon, {"app": program(2), "hangs": program(3)})
    assert changes(daemon.call("jumpbootd.reload")) == {
        "app": ("changed", True), "hangs": ("added", True), "gone": ("removed", True)}
    assert daemon.call("app.version") == 2
    assert daemon.call("hangs.version") == 3
    assert daemon.log_lines("serving 2 programs")
    daemon.wait_worker_count(2)


def test_those_who_ask_meanwhile_share_what_comes_of_it(start_daemon):
    """What is on its way to what the config wants goes on."""
    daemon = start(start_daemon, {"app": program()})
    write(daemon, {"app": SLOW})
    first, second, third = daemon.connect(), daemon.connect(), daemon.connect()
    first.request("jumpbootd.reload")
    daemon.wait_for(lambda: len(daemon.workers()) == 2, "the trial")
    trial = set(daemon.workers())
    second.request("jumpbootd.reload")
    daemon.wait_log("reading the config anew", 2)
    third.request("jumpbootd.reload")
    daemon.wait_log("reading the config anew", 3)
    assert not any(client.has_input() for client in (first, second, third))
    assert set(daemon.workers()) == trial
    (daemon.directory / "go").touch()
    for client in (first, second, third):
        assert changes(client.receive()["result"]) == {"app": ("changed", True)}
    assert daemon.call("app.version") == 2
    assert daemon.program_status("app")["starts"] == 2


@pytest.mark.parametrize("mended", [1, 3], ids=["back", "on"])
def test_a_later_reload_gives_up_what_hangs(start_daemon, mended):
    daemon = start(start_daemon, {"app": program()})
    write(daemon, {"app": HANGS})
    first = daemon.connect()
    first.request("jumpbootd.reload")
    daemon.wait_for(lambda: len(daemon.workers()) == 2, "the trial")
    result = reload(daemon, {"app": program(mended)})
    assert changes(result) == {"app": ("changed", True)}
    assert changes(first.receive()["result"]) == {"app": ("changed", True)}
    assert daemon.call("app.version") == mended
    daemon.wait_worker_count(1)


def test_a_wrong_config_does_not_end_what_is_under_way(start_daemon):
    daemon = start(start_daemon, {"app": program()})
    write(daemon, {"app": SLOW})
    first = daemon.connect()
    first.request("jumpbootd.reload")
    daemon.wait_for(lambda: len(daemon.workers()) == 2, "the trial")
    result = reload(daemon, {"app": {**SLOW, "max_worker": 2}})
    assert result["ok"] is False and "max_worker" in result["errors"][0]
    assert not first.has_input()
    (daemon.directory / "go").touch()
    assert changes(first.receive()["result"]) == {"app": ("changed", True)}


@needs_root
def test_who_may_not_call_any_more_may_not_at_once(start_daemon):
    """The story: whom a reload shut out called on until the new workers were ready; and for ever, if
    they never were."""
    alice, bob = 54321, 54322
    daemon = start(start_daemon, {"app": program(allow_users=[str(alice)])},
                   server={"listen_mode": "0666"})
    daemon.directory.chmod(0o711)

    def may_call(uid):
        def call():
            with Client(daemon.socket_path) as client:
                return "error" not in client.answer("app.version")

        return as_user(call, uid, uid)

    assert may_call(alice) and not may_call(bob)
    write(daemon, {"app": {**HANGS, "allow_users": [str(bob)]}})
    with daemon.connect() as client:
        client.request("jumpbootd.reload")
        daemon.wait_for(lambda: not may_call(alice), "the revocation")
        assert not may_call(bob) and daemon.call("app.version") == 1
        result = reload(daemon, {"app": program(2, allow_users=[str(bob)])})
        assert changes(result) == {"app": ("changed", True)}
        assert may_call(bob) and not may_call(alice)
    assert reload(daemon, {"app": program(2, allow_users=[str(alice)])})["ok"]
    assert may_call(alice) and not may_call(bob)


def test_the_limit_of_requests_is_that_of_batches_too(start_daemon):
    """The story: a connection that was there before kept the old limit for its batches."""
    daemon = start(start_daemon, {"app": program()}, server={"max_client_requests": 2})
    client = daemon.connect()
    batch = [{"jsonrpc": "2.0", "id": n, "method": "app.echo", "params": [n]} for n in range(4)]
    client.send(batch)
    assert "at most 2 elements" in client.receive()["error"]["data"]["detail"]
    assert reload(daemon, {"app": program()}, max_client_requests=4)["ok"]
    client.send(batch)
    assert sorted(answer["result"] for answer in client.receive()) == [0, 1, 2, 3]
    assert reload(daemon, {"app": program()}, max_client_requests=3)["ok"]
    client.send(batch)
    assert "at most 3 elements" in client.receive()["error"]["data"]["detail"]


def test_the_end_of_the_daemon_ends_a_reload(start_daemon):
    daemon = start(start_daemon, {"app": program()})
    write(daemon, {"app": {"main": {"source": "import time\ntime.sleep(10000)\n"}}})
    client, other = daemon.connect(), daemon.connect()
    client.request("jumpbootd.reload")
    daemon.wait_for(lambda: len(daemon.workers()) == 2, "the trial")
    other.request("jumpbootd.reload")
    other.request("app.echo", [1])
    assert other.receive()["result"] == 1
    daemon.terminate()
    assert client.receive()["error"]["code"] == -32004
    assert other.receive()["error"]["code"] == -32004
    assert daemon.wait_end() == 0


AS_NOBODY = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
connection = socket.socket(socket.AF_UNIX); connection.connect(sys.argv[1])
connection.sendall(sys.argv[2].encode() + b"\\n")
print(connection.makefile().readline())
"""


@needs_root
@pytest.mark.parametrize("method", ["jumpbootd.reload", "jumpbootd.restart"])
def test_it_is_for_administrators(start_daemon, method):
    daemon = start(start_daemon, {"app": program()}, server={"listen_mode": "0666"})
    os.chmod(daemon.directory, 0o755)
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                       "params": {"program": "app"} if "restart" in method else {}})
    output = subprocess.run(["/usr/bin/python3", "-c", AS_NOBODY, str(daemon.socket_path), line],
                            capture_output=True, text=True, check=True, timeout=30).stdout
    error = json.loads(output)["error"]
    assert error["code"] == -32007 and error["data"]["kind"] == "forbidden"
    assert "admin_users" in error["data"]["detail"]
    assert not daemon.log_lines("reading the config anew")


def test_jumpbootctl_tells_what_changed(start_daemon):
    daemon = start(start_daemon, {"app": program(), "old": program()})
    write(daemon, {"app": program(2), "new": {"main": {"source": "raise OSError('no')"},
                                              "restart_threshold": 1}})
    status, out, err = ctl("reload", socket=daemon.socket_path)
    assert status == 1
    assert sorted(line.split(maxsplit=2) for line in out.splitlines()) == [
        ["PROGRAM", "CHANGE", "RESULT"], ["app", "changed", "ok"],
        ["new", "added", "failed to start"], ["old", "removed", "ok"]]
    assert "new: OSError: no" in err
    write(daemon, {"app": program(2)})
    status, out, _ = ctl("reload", "--json", socket=daemon.socket_path)
    assert status == 0 and json.loads(out)["ok"]
    write(daemon, {"app": program(2, nonsense=1)})
    status, out, err = ctl("reload", socket=daemon.socket_path)
    assert status == 78 and out == "" and "tests.conf:1:" in err


def test_jumpbootctl_restarts(start_daemon):
    daemon = start(start_daemon, {"app": program()})
    daemon.baseline = None
    before = daemon.call("app.pid")
    assert ctl("restart", "app", socket=daemon.socket_path)[0] == 0
    wait_until(lambda: daemon.call("app.pid") != before, "the new worker")
    assert ctl("restart", socket=daemon.socket_path)[0] == 64
    assert ctl("restart", "a", "b", socket=daemon.socket_path)[0] == 64
    assert ctl("reload", "a", socket=daemon.socket_path)[0] == 64
    status, _, err = ctl("restart", "none", socket=daemon.socket_path)
    assert status == 1 and 'there is no program "none"' in err


def test_one_who_leaves_is_not_waited_for(start_daemon):
    daemon = start(start_daemon, {"app": program()})
    write(daemon, {"app": program(2)})
    client = daemon.connect()
    client.request("jumpbootd.reload")
    daemon.wait_log("reading the config anew")
    client.close()
    daemon.wait_log("the config is taken")
    with pytest.raises(CallError):
        daemon.call("app.nothing")
    daemon.wait_for(lambda: daemon.status()["clients"] == 1, "nobody else")
