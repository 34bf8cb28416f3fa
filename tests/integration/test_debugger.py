# SPDX-License-Identifier: MIT
"""Programs with a debug_port: real debugpy, and a client that talks to it as an editor does."""
import json
import os
import re
import socket
import subprocess
import sys

import pytest
from ctl import ctl
from dap import DapClient, free_port, no_debugpy
from harness import PYTHON, Client, daemon_command, is_gone, wait_until

pytestmark = pytest.mark.skipif(no_debugpy, reason=f"{PYTHON} has no debugpy (python3-debugpy)")

PROGRAM = """\
import os
import helper
LIMIT = 10

def add(a, b):
    total = helper.plus(a, b)
    doubled = total * 2
    return doubled

def pid():
    return os.getpid()

def threads():
    return os.listdir("/proc/self/task")

def slow():
    import time
    time.sleep(0.05)
    return "slept"

async def later(a):
    b = a + 1
    return b

def fail():
    raise ValueError("no")
"""
HELPER = """\
def plus(a, b):
    c = a + b
    return c
"""
ADD, DOUBLED, LATER = 6, 7, 22  # lines


@pytest.fixture
def port():
    return free_port()


def start(start_daemon, port, ready=False, server=None, files=None, shared=None, **options):
    """A daemon with the program app, which waits for the debugger."""
    main = options.pop("main", "app.py")
    modules = options.pop("modules", {"helper": "helper.py"})
    server = {"allow_debug": True, "admin_users": [str(os.getuid())], **(server or {})}
    files = files or {"app.py": PROGRAM, "helper.py": HELPER}
    return start_daemon(
        {"app": {"main": main, "modules": modules, "debug_port": port, **options}},
        server=server, files=files, ready=ready, shared=shared)


def waits(daemon):
    """Waits until the worker waits for a debugger."""
    daemon.wait_for(lambda: daemon.program_status("app").get("waits_for"), "a wait for a debugger")


def test_a_whole_conversation(start_daemon, port):
    """Break, look, step into an embedded module and out again, go on, the call is answered."""
    daemon = start(start_daemon, port)
    waits(daemon)
    app, helper = daemon.directory / "app.py", daemon.directory / "helper.py"
    with DapClient(port) as debugger, daemon.connect() as client:
        client.request("app.add", [2, 3])  # waits for the worker to be ready
        found = debugger.attach({app: [ADD], helper: [2]})
        assert all(point["verified"] for points in found.values() for point in points)
        reason, frames = debugger.stopped()
        assert reason == "breakpoint"
        assert (frames[0]["name"], frames[0]["line"]) == ("add", ADD)
        assert frames[0]["source"]["path"] == str(app)
        assert debugger.variables(frames[0]) == {"a": "2", "b": "3"}
        debugger.go_on()
        reason, frames = debugger.stopped()
        assert (reason, frames[0]["name"], frames[1]["line"]) == ("breakpoint", "plus", ADD)
        assert frames[0]["source"]["path"] == str(helper)
        reason, frames = debugger.step()
        assert (reason, frames[0]["line"], debugger.variables(frames[0])["c"]) == ("step", 3, "5")
        reason, frames = debugger.step("stepOut")
        assert (frames[0]["name"], frames[0]["line"]) == ("add", ADD)
        reason, frames = debugger.step()
        assert frames[0]["line"] == DOUBLED
        assert debugger.variables(frames[0])["total"] == "5"
        value = debugger.request("evaluate", expression="total * LIMIT", frameId=frames[0]["id"])
        assert value["result"] == "50"
        assert not client.has_input()
        debugger.go_on()
        assert client.receive()["result"] == 10


def test_what_is_told_of_it(start_daemon, port):
    daemon = start(start_daemon, port)
    waits(daemon)
    told = f"a debugger on port {port}"
    (worker,) = daemon.call("jumpbootd.workers")["workers"]
    assert (worker["state"], worker["waits_for"]) == ("starting", told)
    program = daemon.program_status("app")
    assert (program["state"], program["waits_for"]) == ("starting", told)
    assert (program["workers"]["min"], program["workers"]["max"]) == (1, 1)
    assert f"waiting for {told}" in ctl("workers", socket=daemon.socket_path)[1]
    assert re.search(r"^app +debugger ", ctl("status", socket=daemon.socket_path)[1], re.MULTILINE)
    daemon.wait_log(f"warning: app[{worker['pid']}]: debugpy listens on port {port} of 127.0.0.1: "
                    "whoever reaches it runs code as this worker")
    with DapClient(port) as debugger:
        debugger.attach()
        assert daemon.call("app.add", [1, 1]) == 4
    (worker,) = daemon.call("jumpbootd.workers")["workers"]
    assert "waits_for" not in worker and "waits_for" not in daemon.program_status("app")


def test_only_this_machine_reaches_it(start_daemon, port):
    daemon = start(start_daemon, port)
    waits(daemon)
    listening = [line.split() for line in open("/proc/net/tcp").readlines()[1:]]
    addresses = [line[1] for line in listening if line[1].endswith(f":{port:04X}") and
                 line[3] == "0A"]
    loopback = "0100007F" if sys.byteorder == "little" else "7F000001"
    assert addresses == [f"{loopback}:{port:04X}"]
    assert not [line for line in open("/proc/net/tcp6") if f":{port:04X} " in line]


@pytest.mark.parametrize("options", [{}, {"justMyCode": False}])
def test_break_on_start(start_daemon, port, options):
    """It stops at the first line of the main module, before that has done anything."""
    main = '"""Documentation."""\nVALUE = 1\nOTHER = 2\ndef value(): return VALUE\n'
    daemon = start(start_daemon, port, break_on_start=True, files={"app.py": main}, modules={})
    waits(daemon)
    with DapClient(port) as debugger:
        debugger.attach(**options)
        reason, frames = debugger.stopped()
        assert (reason, frames[0]["name"], frames[0]["line"]) == ("entry", "<module>", 1)
        assert frames[0]["source"]["path"] == str(daemon.directory / "app.py")
        reason, frames = debugger.step()
        assert frames[0]["line"] == 2
        assert "VALUE" not in debugger.variables(frames[0])
        debugger.go_on()
        assert daemon.call("app.value") == 1


def test_code_that_stands_in_the_config(start_daemon, port):
    """There is no file of it: the debugger hands out its text."""
    daemon = start(start_daemon, port, main={"source": PROGRAM},
                   modules={"helper": {"source": HELPER}})
    waits(daemon)
    with DapClient(port) as debugger, daemon.connect() as client:
        debugger.attach({"<app>": [ADD], "<helper>": [2]})
        client.request("app.add", [2, 3])
        reason, frames = debugger.stopped()
        assert (reason, frames[0]["name"], frames[0]["source"]["path"]) == (
            "breakpoint", "add", "<app>")
        source = frames[0]["source"]
        text = debugger.request("source", source=source,
                                sourceReference=source["sourceReference"])["content"]
        assert text == PROGRAM
        reason, frames = debugger.step("stepIn")
        assert (frames[0]["name"], frames[0]["source"]["path"]) == ("plus", "<helper>")
        # An editor sets those in a text that it has from the debugger.
        points = debugger.set_breakpoints(source, DOUBLED)
        assert points[0]["verified"]
        debugger.set_breakpoints(frames[0]["source"])
        debugger.go_on()
        reason, frames = debugger.stopped()
        assert frames[0]["line"] == DOUBLED
        debugger.go_on()
        assert client.receive()["result"] == 10


def test_a_file_that_has_gone(start_daemon, port):
    """What was embedded is what runs, and what is shown."""
    daemon = start(start_daemon, port)
    waits(daemon)
    app = daemon.directory / "app.py"
    app.unlink()
    with DapClient(port) as debugger, daemon.connect() as client:
        found = debugger.attach({app: [DOUBLED]})
        assert found[app][0]["verified"]
        client.request("app.add", [2, 3])
        reason, frames = debugger.stopped()
        source = frames[0]["source"]
        assert (frames[0]["line"], source["path"]) == (DOUBLED, str(app))
        text = debugger.request("source", source=source,
                                sourceReference=source["sourceReference"])["content"]
        assert text == PROGRAM
        debugger.go_on()
        assert client.receive()["result"] == 10


def test_async_functions(start_daemon, port):
    daemon = start(start_daemon, port)
    waits(daemon)
    with DapClient(port) as debugger, daemon.connect() as client:
        debugger.attach({daemon.directory / "app.py": [LATER]})
        client.request("app.later", [4])
        reason, frames = debugger.stopped()
        assert (frames[0]["name"], debugger.variables(frames[0])["a"]) == ("later", "4")
        debugger.go_on()
        assert client.receive()["result"] == 5


def test_nothing_disturbs_it(start_daemon, port):
    """No limit of the program counts; a caller who gives up is answered, and the worker lives."""
    limits = {"startup_timeout": "100ms", "request_timeout": "100ms", "queue_timeout": "1ms",
              "interrupt_timeout": "100ms", "terminate_timeout": "100ms", "idle_timeout": "1ms",
              "max_requests": 1, "min_workers": 3, "max_workers": 4, "spare_workers": 2,
              "max_worker_memory": "1M", "start_method": "forkserver", "on_disconnect": "interrupt"}
    daemon = start(start_daemon, port, **limits)
    waits(daemon)
    with DapClient(port) as debugger, daemon.connect() as client:
        client.request("app.add", [1, 1])
        debugger.attach({daemon.directory / "app.py": [ADD]})
        debugger.stopped()
        (worker,) = daemon.workers()
        # One caller's own time is over, one cancels, one goes away: the worker stays where it is.
        with Client(daemon.socket_path) as other:
            assert other.error("app.add", [2, 2], timeout=0.05)["data"]["kind"] == "timeout"
        client.send({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 1}})
        assert client.receive()["error"]["data"]["kind"] == "cancelled"
        debugger.set_breakpoints({"path": str(daemon.directory / "app.py")})
        debugger.go_on()
        assert daemon.call("app.add", [1, 2]) == 6
        assert daemon.call("app.pid") == worker
        assert daemon.call("app.slow") == "slept"
        assert daemon.error("app.fail")["data"]["exception"] == "ValueError"
        assert daemon.workers() == [worker]
        assert "ending it" not in daemon.log()


def test_client_comes_back(start_daemon, port):
    daemon = start(start_daemon, port)
    waits(daemon)
    app = daemon.directory / "app.py"
    with DapClient(port) as debugger:
        debugger.attach({app: [ADD]})
        debugger.request("disconnect", terminateDebuggee=False)
    assert daemon.call("app.add", [1, 1]) == 4
    client = daemon.connect()
    with DapClient(port) as debugger:
        debugger.attach({app: [DOUBLED]})
        client.request("app.add", [1, 1])
        reason, frames = debugger.stopped()
        assert frames[0]["line"] == DOUBLED
        debugger.close()  # a client that is lost: the worker stands where it is until another comes
    with DapClient(port) as debugger:
        debugger.attach()
        threads = debugger.request("threads")["threads"]
        debugger.thread = next(t["id"] for t in threads if t["name"] == "MainThread")
        assert debugger.request("stackTrace", threadId=debugger.thread)["stackFrames"][0][
            "line"] == DOUBLED
        debugger.go_on()
        assert client.receive()["result"] == 4


def test_it_leaves_nothing_behind(start_daemon, port):
    """There is no process besides the worker, and the port is free once it has gone."""
    daemon = start(start_daemon, port)
    waits(daemon)
    with DapClient(port) as debugger:
        debugger.attach()
        (worker,) = daemon.workers()
        assert daemon.call("app.pid") == worker
        daemon.call("jumpbootd.kill", {"pid": worker})
        wait_until(lambda: is_gone(worker), "the end of the worker")
    waits(daemon)
    with DapClient(port) as debugger:
        debugger.attach()
        assert daemon.call("app.pid") != worker


def test_reload_and_restart(start_daemon, port):
    """There is no second worker beside it: the old one leaves first; who waits is not waited for."""
    daemon = start(start_daemon, port)
    waits(daemon)
    (first,) = daemon.workers()
    assert daemon.call("jumpbootd.restart", {"program": "app"})["ok"]
    daemon.wait_for(lambda: first not in daemon.workers(), "another worker")
    waits(daemon)
    (second,) = daemon.workers()
    assert daemon.program_status("app")["starts"] == 2
    with DapClient(port) as debugger:
        debugger.attach()
        assert daemon.call("app.pid") == second
    (daemon.directory / "app.py").write_text(PROGRAM.replace("* 2", "* 3"))
    result = daemon.call("jumpbootd.reload")
    assert result["ok"], result
    waits(daemon)
    with DapClient(port) as debugger:
        debugger.attach()
        assert daemon.call("app.add", [1, 1]) == 6
    # Without the port it is a program like any other again.
    config = json.loads((daemon.directory / "tests.conf").read_text())
    del config["programs"]["app"]["debug_port"]
    (daemon.directory / "tests.conf").write_text(json.dumps(config))
    assert daemon.call("jumpbootd.reload")["ok"]
    daemon.wait_for(lambda: daemon.call("app.pid") and daemon.program_status("app")["options"][
        "debug_port"] == 0, "a worker without a debugger")
    daemon.baseline = None


def test_a_port_that_is_taken(start_daemon, port):
    with socket.create_server(("127.0.0.1", port)):
        daemon = start(start_daemon, port, restart_threshold=1)
        daemon.wait_for(lambda: daemon.program_status("app")["state"] == "unavailable", "a failure")
        message = (f"debugpy cannot listen on port {port} of 127.0.0.1 (debug_port): "
                   "Address already in use")
        error = daemon.error("app.add", [1, 1])
        assert error["data"]["kind"] == "unavailable" and message in str(error)
    waits(daemon)
    with DapClient(port) as debugger:
        debugger.attach()
        assert daemon.call("app.add", [1, 1]) == 4


def test_no_debugpy(start_daemon, port, tmp_path):
    """The error says how to install it. -S leaves Debian's packages out, as a venv does."""
    venv = tmp_path / "venv"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", str(venv)], check=True)
    daemon = start(start_daemon, port, restart_threshold=1, environment={"venv": str(venv)})
    daemon.wait_for(lambda: daemon.program_status("app")["state"] == "unavailable", "a failure")
    error = str(daemon.error("app.add", [1, 1]))
    assert "debug_port needs debugpy, which is not in the environment of this program" in error
    assert f"{venv}/bin/python3 -m pip install debugpy" in error
    daemon.baseline = None


def test_stop_while_it_waits(start_daemon, port):
    daemon = start(start_daemon, port)
    waits(daemon)
    (worker,) = daemon.workers()
    daemon.terminate()
    assert daemon.wait_end() == 0
    assert is_gone(worker)


def check(tmp_path, server, programs):
    (tmp_path / "jumpbootd.conf").write_text(json.dumps({"program_sets": ["app.conf"], **server}))
    (tmp_path / "app.conf").write_text(json.dumps({"programs": programs}))
    found = subprocess.run(
        [*daemon_command(), "--check-config", "--config", str(tmp_path / "jumpbootd.conf")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert found.returncode == 78, found
    return found.stderr.replace(f"{tmp_path}/", "")


def test_what_the_config_has_to_allow(tmp_path):
    main = {"source": ""}
    assert check(tmp_path, {}, {"a": {"main": main, "debug_port": 5678}}) == (
        "app.conf:1:59: debug_port: whoever reaches this port, as every user of this machine does, "
        "runs code as the worker; where that may be, jumpbootd.conf says \"allow_debug\": true\n")
    assert check(tmp_path, {}, {"a": {"main": main, "break_on_start": True}}) == (
        "app.conf:1:63: break_on_start needs a debug_port\n")
    twice = {"a": {"main": main, "debug_port": 5678}, "b": {"main": main, "debug_port": 5678}}
    assert check(tmp_path, {"allow_debug": True}, twice) == (
        "app.conf:1:110: the program \"a\" has the debug_port 5678, too\n")
