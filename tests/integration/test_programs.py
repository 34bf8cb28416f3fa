# SPDX-License-Identifier: MIT
"""What a program gets from its config: key-values, arguments, environment, interpreter, limits."""
import os
import signal
import subprocess

import pytest
from harness import GATE_SOURCE, PYTHON, Gate

ENVIRONMENT_PROGRAM = """
import os, sys, jumpboot

def environment():
    return dict(os.environ)

def argv():
    return sys.argv

def python():
    return [sys.executable, sys.prefix]

def directory():
    return os.getcwd()

def modes():
    mask = os.umask(0)
    os.umask(mask)
    return [mask, os.nice(0)]

def descriptors():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink("/proc/self/fd/" + name)
        except FileNotFoundError:
            pass
    return found

def inherited():
    import subprocess
    code = "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          close_fds=False).stdout

def stdin():
    return sys.stdin.read()

def group():
    return [os.getpid(), os.getpgrp()]

def signals():
    status = open("/proc/self/status").read()
    return [line for line in status.splitlines() if line.startswith(("SigBlk", "SigIgn"))]

def new_privileges():
    return open("/proc/self/status").read().split("NoNewPrivs:")[1].split()[0]
"""


def one(start_daemon, shared=None, **options):
    return start_daemon(
        {"app": {"main": {"source": ENVIRONMENT_PROGRAM}, **options}}, shared=shared or {}
    )


def test_key_values(start_daemon):
    values = {"text": "ü", "number": 85, "real": 0.5, "list": [1, {"a": None}], "yes": True}
    daemon = start_daemon(
        {
            "app": {
                "main": {"source": "import jumpboot\n"
                                   "AT_IMPORT = jumpboot.own\n"
                                   "def value(name): return getattr(jumpboot, name)\n"
                                   "def at_import(): return AT_IMPORT\n"},
                "key_values": {"own": "mine", "number": 86},
            },
            "other": "import jumpboot\ndef own(): return hasattr(jumpboot, 'own')\n",
        },
        shared={"key_values": values},
    )
    for name, value in {**values, "number": 86, "own": "mine"}.items():
        assert daemon.call("app.value", [name]) == value
    assert daemon.call("app.at_import") == "mine"
    assert daemon.call("other.own") is False


def test_arguments(start_daemon):
    arguments = ["--first", "two words", "", "-c", "ü", "--"]
    daemon = one(start_daemon, args=arguments)
    assert daemon.call("app.argv")[1:] == arguments


def test_the_environment_is_the_config_s_alone(start_daemon, monkeypatch):
    monkeypatch.setenv("JUMPBOOT_LEAK", "must not be seen")
    environment = one(start_daemon, env={"GREETING": "hällo world", "EMPTY": ""}).call(
        "app.environment"
    )
    assert environment["GREETING"] == "hällo world"
    assert environment["EMPTY"] == ""
    assert "JUMPBOOT_LEAK" not in environment


def test_each_worker_knows_its_slot(start_daemon):
    """The numbers of the living are 0 to max_workers - 1, each once; a new one takes a free one."""
    daemon = one(
        start_daemon, min_workers=3, max_workers=3,
        env={"GPU": "card-${slot}", "LITERAL": "$${slot} $HOME $$"},
    )

    def environments():
        return [
            dict(item.split("=", 1) for item in
                 open(f"/proc/{pid}/environ", encoding="utf-8").read().split("\0") if item)
            for pid in daemon.workers()
        ]

    first = environments()
    assert sorted(e["GPU"] for e in first) == ["card-0", "card-1", "card-2"]
    assert {e["LITERAL"] for e in first} == {"${slot} $HOME $$"}
    marks = {e["JUMPBOOT_WORKER"] for e in first}
    assert len(marks) == 3
    assert {mark.split(".")[0] for mark in marks} == {str(daemon.pid)}
    os.kill(daemon.workers()[0], signal.SIGKILL)
    daemon.wait_for(lambda: daemon.program_status("app")["starts"] == 4, "another worker")
    daemon.wait_ready()
    again = environments()
    assert sorted(e["GPU"] for e in again) == ["card-0", "card-1", "card-2"]
    assert len(marks | {e["JUMPBOOT_WORKER"] for e in again}) == 4
    daemon.baseline = None


def test_the_environment_is_passed_on_if_asked_for(start_daemon, monkeypatch):
    monkeypatch.setenv("JUMPBOOT_LEAK", "may be seen")
    monkeypatch.setenv("JUMPBOOT_BOTH", "outer")
    environment = one(start_daemon, clear_env=False, env={"JUMPBOOT_BOTH": "config"}).call(
        "app.environment"
    )
    assert environment["JUMPBOOT_LEAK"] == "may be seen"
    assert environment["JUMPBOOT_BOTH"] == "config"


def test_working_directory_umask_and_nice(start_daemon):
    daemon = one(start_daemon, working_directory="/usr", umask="0027", nice=5)
    assert daemon.call("app.directory") == "/usr"
    assert daemon.call("app.modes") == [0o027, 5]


SCHEDULED = GATE_SOURCE + """
import os
def look(gate):
    pass_gate(gate)
    return [sorted(os.sched_getaffinity(0)), os.sched_getscheduler(0) == os.SCHED_BATCH]
"""


def scheduled(start_daemon, workers, **options):
    """What each of so many workers finds itself bound to."""
    daemon = start_daemon({"app": {"main": {"source": SCHEDULED}, "min_workers": workers,
                                   "max_workers": workers, **options}})
    gates = [Gate(daemon.directory / f"gate{number}") for number in range(workers)]
    clients = [daemon.connect() for _ in gates]
    for client, gate in zip(clients, gates):
        client.request("app.look", [gate.path])
        gate.wait_entered()
    for gate in gates:
        gate.release()
    found = sorted(client.receive()["result"] for client in clients)
    return daemon, found


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_scheduling(start_daemon, method):
    own = sorted(os.sched_getaffinity(0))
    daemon, found = scheduled(start_daemon, 2, start_method=method, sched_batch=True,
                              cpu_affinity=str(own[-1]))
    assert found == [[own[-1:], True]] * 2
    shown = daemon.program_status("app")["options"]
    assert (shown["sched_batch"], shown["cpu_affinity"]) == (True, str(own[-1]))


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_cpu_for_each_worker(start_daemon, method):
    own = sorted(os.sched_getaffinity(0))
    workers = len(own[:3]) + 1
    daemon, found = scheduled(start_daemon, workers, start_method=method, cpu_affinity="spread",
                              prefetch_time=0)
    expected = [own[slot % len(own)] for slot in range(workers)]
    assert found == sorted([[cpu], False] for cpu in expected)
    assert daemon.program_status("app")["options"]["cpu_affinity"] == "spread"


def test_a_virtual_environment(start_daemon, tmp_path):
    folder = tmp_path / "venv"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "only_in_the_venv.py").write_text("VALUE = 5\n")
    daemon = start_daemon(
        {"app": "import sys, only_in_the_venv\n"
                "def prefix(): return [sys.prefix, only_in_the_venv.VALUE]\n"},
        shared={"environment": {"venv": str(folder)}},
    )
    assert daemon.call("app.prefix") == [str(folder), 5]


def test_another_python_in_path_does_not_confuse(start_daemon, tmp_path, monkeypatch):
    impostor = tmp_path / "python3"
    impostor.write_text("#!/bin/sh\nexit 1\n")
    impostor.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    executable, prefix = one(start_daemon, clear_env=False).call("app.python")
    assert executable.startswith("/usr/bin/python3")
    assert prefix == "/usr"


def test_a_worker_has_its_own_descriptors_and_no_others(start_daemon):
    """Also not those that whoever started the daemon had forgotten to close."""
    leaked = os.open("/etc/passwd", os.O_RDONLY)
    try:
        daemon = start_daemon({"app": ENVIRONMENT_PROGRAM}, pass_fds=[leaked])
        assert os.readlink(f"/proc/{daemon.pid}/fd/{leaked}") == "/etc/passwd"
    finally:
        os.close(leaked)
    found = daemon.call("app.descriptors")
    assert found["0"] == "/dev/null"
    assert "/etc/passwd" not in found.values()
    assert not [target for target in found.values() if target.startswith("socket:")]
    pipes = [target for target in found.values() if target.startswith("pipe:")]
    # stdout, stderr, PipeIn, PipeOut, StatusIn; the bootstrap's two are closed by now.
    assert len(pipes) == 5, found


def test_what_a_worker_starts_does_not_inherit_its_pipes(start_daemon):
    inherited = one(start_daemon).call("app.inherited")
    # 0, 1, 2 and the one that lists the folder
    assert inherited.strip() == "[0, 1, 2, 3]"


@pytest.mark.valgrind
def test_the_state_that_a_worker_starts_in(start_daemon):
    daemon = one(start_daemon)
    assert daemon.call("app.stdin") == ""
    pid, group = daemon.call("app.group")
    assert pid == group, "a process group of its own, so that it can be ended with its children"
    blocked, ignored = daemon.call("app.signals")
    assert int(blocked.split()[1], 16) == 0
    # Python itself ignores SIGPIPE (13) and SIGXFSZ (25).
    assert int(ignored.split()[1], 16) & ~(1 << 12 | 1 << 24) == 0
    assert daemon.call("app.new_privileges") == "1"


def test_which_functions_can_be_called(start_daemon):
    daemon = start_daemon({
        "plain": """
            from os import getpid
            import json
            VALUE = 5
            def public(): return 1
            def _private(): return 2
            lambda_function = lambda: 3
            class Thing: pass
        """,
        "narrowed": """
            __all__ = ["listed"]
            def listed(): return 1
            def unlisted(): return 2
        """,
        "exposed": """
            import jumpboot
            @jumpboot.expose
            def exposed(): return 1
            def plain(): return 2
        """,
    })
    assert daemon.call("plain.public") == 1
    for name in ("_private", "getpid", "VALUE", "json.dumps", "Thing", "json"):
        assert daemon.error(f"plain.{name}")["code"] == -32601
    assert daemon.call("narrowed.listed") == 1
    assert daemon.error("narrowed.unlisted")["code"] == -32601
    assert daemon.call("exposed.exposed") == 1
    assert daemon.error("exposed.plain")["code"] == -32601


def test_the_table_of_functions_is_made_once(start_daemon):
    daemon = start_daemon({"app": """
        def first():
            global first
            def first(): return "replaced"
            globals()["added"] = first
            return "original"
    """})
    assert [daemon.call("app.first") for _ in range(2)] == ["original", "original"]
    assert daemon.error("app.added")["code"] == -32601


def test_on_start_and_on_exit(start_daemon, tmp_path):
    record = tmp_path / "record"
    daemon = start_daemon({"app": f"""
        import jumpboot
        started = []

        @jumpboot.on_start
        def begin():
            started.append("started")

        @jumpboot.on_exit
        def end():
            open({str(record)!r}, "w").write("ended")

        def state():
            return started
    """})
    assert daemon.call("app.state") == ["started"]
    assert daemon.error("app.begin")["code"] == -32601
    assert not record.exists()
    daemon.terminate()
    daemon.wait_end()
    assert record.read_text() == "ended"


def test_async_functions_share_one_loop(start_daemon):
    daemon = start_daemon({"app": """
        import asyncio
        queue = None

        async def put(value):
            global queue
            queue = queue or asyncio.Queue()
            await queue.put(value)

        async def get():
            return await asyncio.wait_for(queue.get(), 10)
    """})
    daemon.call("app.put", ["kept"])
    assert daemon.call("app.get") == "kept"


def test_a_program_with_its_own_loop(start_daemon):
    """A main module that never returns reads and answers the requests by itself."""
    daemon = start_daemon({"app": """
        import json
        import jumpboot

        ready = {"type": "status", "message": "ready"}
        print(json.dumps(ready), file=jumpboot.Status_in, flush=True)
        for line in jumpboot.Pipe_in:
            request = json.loads(line)
            answer = {"request_id": request["request_id"]}
            if request["command"] == "fail":
                answer.update(error="as asked", traceback="Traceback: none")
            else:
                answer["result"] = [request["command"], request["data"]]
            print(json.dumps(answer), file=jumpboot.Pipe_out, flush=True)
    """})
    assert daemon.call("app.any.thing", {"a": 1}) == ["any.thing", {"a": 1}]
    assert daemon.call("app.other") == ["other", {}]
    assert daemon.call("app.other", [1]) == ["other", [1]]
    error = daemon.error("app.fail")
    assert (error["code"], error["message"]) == (-32000, "as asked")
    assert error["data"]["traceback"] == "Traceback: none"
    names = [method["name"] for method in daemon.call("rpc.discover")["methods"]]
    assert not [name for name in names if name.startswith("app.")]


def test_several_workers_share_the_work(start_daemon):
    daemon = start_daemon({"app": {
        "main": {"source": "import os\n"
                           "def hold(path):\n"
                           "    with open(path) as gate: gate.read()\n"
                           "    return os.getpid()\n"},
        "min_workers": 3, "max_workers": 3,
    }})
    gates = [daemon.gate(f"gate{number}") for number in range(3)]
    client = daemon.connect()
    for gate in gates:
        client.request("app.hold", [gate.path])
    for gate in gates:
        gate.wait_entered()
    assert daemon.program_status("app")["workers"]["busy"] == 3
    for gate in gates:
        gate.release()
    pids = {answer["result"] for answer in client.receive_by_id(3).values()}
    assert pids == set(daemon.workers())


def test_a_very_large_program(start_daemon):
    """50 MB of program text are fed to each worker without holding up the daemon."""
    daemon = start_daemon(
        {"large": {"main": "large.py", "startup_timeout": "5m"}, "small": "def ok(): return 'ok'"},
        files={"large.py": "# " + "x" * (50 << 20) + "\ndef ok(): return 'ok'\n"},
        ready=False,
    )
    assert daemon.call("small.ok") == "ok"
    assert daemon.call("large.ok") == "ok"
