# SPDX-License-Identifier: MIT
"""Workers that are forked from a template: start_method "forkserver"."""
import json
import os
import signal
import textwrap
from pathlib import Path

import pytest
from harness import GATE_SOURCE, Gate, is_gone, process_stat, processes_with, source, wait_until

# Writes the pid of each process that imports it into a file.
MAIN = GATE_SOURCE + """
import os, sys
with open(sys.argv[1], "a") as file:
    file.write("%d\\n" % os.getpid())
imported_in = os.getpid()
def look():
    return {"pid": os.getpid(), "parent": os.getppid(), "group": os.getpgrp(),
            "imported_in": imported_in}
def hang():
    import time
    time.sleep(1000)
def leave(status):
    os._exit(status)
def be_killed():
    os.kill(os.getpid(), 11)
"""


@pytest.fixture
def start(start_daemon, tmp_path):
    """A function that starts a daemon with one program, calc, whose workers are forked.
    daemon.templates() are the processes that have imported it, as long as they live."""
    def run(main=MAIN, ready=True, **options):
        imports = tmp_path / "imports"
        imports.write_text("")
        daemon = start_daemon({"calc": {"main": source(main), "start_method": "forkserver",
                                        "args": [str(imports)], **options}}, ready=ready)
        daemon.imports = lambda: [int(line) for line in imports.read_text().split()]
        daemon.templates = lambda: [pid for pid in daemon.imports() if not is_gone(pid)]
        daemon.template = lambda: daemon.templates()[-1]
        daemon.forked = lambda: [pid for pid in daemon.workers() if pid not in daemon.imports()]
        return daemon
    return run


def test_workers_share_the_imports(start):
    daemon = start(min_workers=3, max_workers=3)
    template, = daemon.imports()
    assert process_stat(template)[1] == daemon.pid
    assert len(daemon.forked()) == 3
    seen = daemon.call("calc.look")
    assert seen["pid"] in daemon.forked() and seen["group"] == seen["pid"]
    assert seen["parent"] == daemon.pid and seen["imported_in"] == template
    assert daemon.program_status("calc")["workers"]["idle"] == 3
    names = [method["name"] for method in daemon.call("rpc.discover")["methods"]]
    assert "calc.look" in names


def call_in_each(daemon, count):
    """The results of calc.look(gate) in so many workers: each waits until all are there."""
    gates = [Gate(daemon.directory / f"gate{number}") for number in range(count)]
    clients = [daemon.connect() for _ in gates]
    for client, gate in zip(clients, gates):
        client.request("calc.look", [gate.path])
        gate.wait_entered()
    for gate in gates:
        gate.release()
    return [client.receive()["result"] for client in clients]


def test_each_worker_begins_for_itself(start):
    daemon = start(GATE_SOURCE + textwrap.dedent("""
        import os, random, uuid, jumpboot
        def look(gate):
            pass_gate(gate)
            return [began, os.environ["SLOT"], random.random(), str(uuid.uuid4())]
        @jumpboot.on_start
        def begin():
            global began
            began = os.getpid()
    """), min_workers=3, max_workers=3, env={"SLOT": "slot ${slot}"})
    pids, slots, *numbers = zip(*call_in_each(daemon, 3))
    assert len(set(pids)) == 3 and set(pids) <= set(daemon.workers())
    assert sorted(slots) == ["slot 0", "slot 1", "slot 2"]
    assert [len(set(column)) for column in numbers] == [3, 3]


def test_numpy(start):
    daemon = start(GATE_SOURCE + textwrap.dedent("""
        import numpy
        def look(gate):
            pass_gate(gate)
            size = numpy.ones((200, 200)) @ numpy.ones((200, 200))  # with the threads of BLAS
            return [size[0][0], numpy.random.random()]
    """), min_workers=2, max_workers=2)
    assert not daemon.log_lines("spawned, not forked")
    (size, first), (_, second) = call_in_each(daemon, 2)
    assert size == 200 and first != second


def test_deaths_are_told_as_of_any_worker(start):
    daemon = start()
    error = daemon.error("calc.leave", [3])
    assert error["data"]["exit_status"] == 3 and error["data"]["pid"] not in daemon.workers()
    daemon.wait_ready()
    assert daemon.error("calc.be_killed")["data"]["signal"] == "SIGSEGV"
    daemon.wait_ready()
    worker, = daemon.forked()
    os.kill(worker, signal.SIGKILL)
    daemon.wait_log("killed by SIGKILL")
    daemon.wait_for(lambda: daemon.call("calc.look")["pid"] != worker, "another worker")
    assert len(daemon.imports()) == 1
    daemon.wait_ready()


def test_deadlines_hold(start):
    """A forked worker counts its requests and is interrupted in pages of its own."""
    daemon = start(min_workers=2, max_workers=2, interrupt_timeout="20s")
    before = daemon.forked()
    clients = [daemon.connect() for _ in before]
    for client in clients:
        client.request("calc.hang", timeout=0.1)
    for client in clients:
        assert client.receive()["error"]["data"] == {
            "kind": "timeout", "stage": "run", "started": True}
    daemon.wait_ready()
    assert daemon.forked() == before
    assert daemon.log_lines("in hang")  # the stack
    assert daemon.call("calc.look")["pid"] in before


def test_a_renewed_program_has_a_new_template(start):
    daemon = start(min_workers=2, max_workers=2)
    first = daemon.template()
    daemon.call("jumpbootd.restart", {"program": "calc"})
    daemon.wait_for(lambda: is_gone(first), "the old template to leave")
    daemon.wait_ready()
    assert daemon.call("calc.look")["imported_in"] == daemon.template() != first
    assert len(daemon.imports()) == 2


def test_each_request_has_a_fresh_process(start):
    daemon = start(max_requests=1, max_workers=2)
    seen = {daemon.call("calc.look")["pid"] for _ in range(20)}
    assert len(seen) == 20 and len(daemon.imports()) == 1
    daemon.wait_ready()


def test_a_template_that_dies_is_replaced_when_it_is_wanted(start):
    daemon = start(max_workers=2)
    first = daemon.template()
    worker, = daemon.forked()
    os.kill(first, signal.SIGKILL)
    daemon.wait_log("template was killed by SIGKILL")
    assert daemon.call("calc.look")["pid"] == worker
    assert daemon.imports() == [first]
    os.kill(worker, signal.SIGKILL)
    daemon.wait_for(lambda: len(daemon.imports()) == 2 and daemon.forked(), "a new template")
    seen = daemon.call("calc.look")
    assert seen["imported_in"] == daemon.template() != first
    daemon.wait_ready()


def test_an_idle_template_stays(start):
    daemon = start(min_workers=0, max_workers=2, idle_timeout="10ms")
    assert daemon.imports() == []
    template = daemon.call("calc.look")["imported_in"]
    daemon.wait_for(lambda: not daemon.forked(), "the worker to be retired")
    assert daemon.workers() == [template]
    assert daemon.call("calc.look")["imported_in"] == template
    daemon.baseline = None


def test_many_generations_leave_nothing(start):
    daemon = start()
    before = daemon.snapshot()
    for _ in range(30):
        daemon.error("calc.leave", [1])
        daemon.call("calc.look")
    daemon.wait_ready()
    assert daemon.snapshot() == before
    assert len(os.listdir("/proc/%d/fd" % daemon.template())) < 20
    assert not [line for line in Path("/proc/%d/task/%d/children" % (daemon.pid, daemon.pid))
                .read_text().split() if process_stat(int(line))[0] == "Z"]


def test_no_descriptor_of_the_template(start):
    daemon = start(min_workers=2, max_workers=2)

    def files(pid):
        return {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    first, second = (files(pid) - {"/dev/null"} for pid in daemon.forked())
    assert not [name for name in first | second if name.startswith("socket:")]
    memory = {name for name in first | second if name.startswith("/memfd:")}
    assert not (first & second) - memory
    assert not first & files(daemon.template()) - memory


def test_what_a_worker_leaves_behind_is_ended(start):
    """A process that it has forked off, and that has left its group, as the template's others."""
    daemon = start(MAIN + """
def leave_behind():
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.write(write, b"%d" % os.getpid())
        hang()
    return int(os.read(read, 100))
""")
    escaped = daemon.call("calc.leave_behind")
    worker, = daemon.forked()
    os.kill(worker, signal.SIGKILL)
    daemon.wait_for(lambda: is_gone(escaped), "what it has left behind to be ended")
    assert daemon.log_lines("a worker has left it behind")
    assert daemon.call("calc.look")["imported_in"] == daemon.template()
    daemon.wait_ready()


THREAD = """
import threading
threading.Thread(target=threading.Event().wait, name="idle hands", daemon=True).start()
"""


@pytest.mark.parametrize("main, reason", [
    (MAIN + THREAD, "idle hands"),
    (MAIN + "sys.modules['ctypes'] = None", "ctypes"),
], ids=["threads", "no ctypes"])
def test_what_cannot_be_forked_is_spawned(start, main, reason):
    daemon = start(main, min_workers=3, max_workers=3)
    warning, = daemon.log_lines("spawned, not forked")
    assert reason in warning
    seen = daemon.call("calc.look")
    assert seen["imported_in"] == seen["pid"] and seen["parent"] == daemon.pid
    daemon.wait_for(lambda: len(daemon.workers()) == 3, "the template to be gone")
    daemon.error("calc.leave", [1])
    daemon.wait_ready()
    assert len(daemon.imports()) == 5  # the template, the three, and the one that followed
    assert daemon.log_lines("spawned, not forked") == [warning]
    daemon.baseline = daemon.snapshot()


def test_a_loop_of_its_own_is_spawned(start):
    daemon = start("""
        import json, jumpboot
        print(json.dumps({"type": "status", "message": "ready", "methods": {"look": {}}}),
              file=jumpboot.Status_in, flush=True)
        for line in jumpboot.Pipe_in:
            print(json.dumps({"request_id": json.loads(line)["request_id"], "result": 7}),
                  file=jumpboot.Pipe_out, flush=True)
    """)
    assert daemon.call("calc.look") == 7
    assert "loop of its own" in daemon.log_lines("spawned, not forked")[0]
    daemon.wait_worker_count(1)
    daemon.baseline = daemon.snapshot()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_refused_forks_are_told_and_then_it_is_spawned(start, tmp_path):
    """A limit of processes, which the template sets for itself alone."""
    tmp_path.chmod(0o777)
    daemon = start("""
        import ctypes, fcntl, os, resource, socket, sys
        if os.path.exists(sys.argv[1] + ".once"):
            def look():
                return "well"
        else:
            open(sys.argv[1] + ".once", "w").close()
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
            os.setresuid(65534, 65534, 65534)
    """)
    assert daemon.call("calc.look") == "well"
    failure, = daemon.log_lines("failed to start:")[:1]
    assert "cannot fork: Resource temporarily unavailable" in failure
    warning, = daemon.log_lines("spawned, not forked")
    assert "cannot fork: Resource temporarily unavailable" in warning
    daemon.wait_worker_count(1)
    daemon.baseline = daemon.snapshot()


def test_sockets_bring_a_warning(start):
    daemon = start(MAIN + "import socket\nmine = socket.socket()")
    warning, = daemon.log_lines("jumpboot.on_start")
    assert "1 socket," in warning
    assert daemon.call("calc.look")["imported_in"] == daemon.template()


def test_a_template_that_cannot_start_is_told(start):
    daemon = start("""
        def deep():
            raise RuntimeError("no licence")
        deep()
    """, ready=False, restart_threshold=2)
    daemon.wait_log("trying again in")
    error = daemon.error("calc.look")
    assert error["data"]["kind"] == "unavailable"
    told = json.dumps(error["data"])
    assert "no licence" in told and "in deep" in told
    assert len(daemon.log_lines("Traceback")) == 1
    daemon.wait_worker_count(0)


def test_a_template_that_never_gets_ready(start):
    daemon = start("import time\ntime.sleep(1000)", ready=False, startup_timeout="200ms",
                   restart_threshold=1)
    daemon.wait_log("trying again in")
    assert "startup_timeout" in json.dumps(daemon.error("calc.look")["data"])


def test_a_stopped_template_is_replaced(start):
    """It does not answer any more: a worker that it should fork is not there in time."""
    daemon = start(startup_timeout="500ms", max_workers=2, restart_threshold=3)
    first = daemon.template()
    worker, = daemon.forked()
    os.kill(first, signal.SIGSTOP)
    os.kill(worker, signal.SIGKILL)
    daemon.wait_for(lambda: is_gone(first), "the template to be killed")
    daemon.wait_for(lambda: daemon.forked(), "another worker")
    assert daemon.call("calc.look")["imported_in"] != first
    daemon.wait_ready()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_all_end_with_the_daemon(start, number):
    daemon = start(min_workers=3, max_workers=3)
    assert len(processes_with(daemon.mark)) == 4
    daemon.terminate(number)
    daemon.wait_end()
    wait_until(lambda: not processes_with(daemon.mark), "template and workers to be gone")


def test_the_template_leaves_last(start):
    """What it has registered for its end may be what the workers still use."""
    daemon = start("""
        import atexit, os, jumpboot
        template = os.getpid()
        atexit.register(print, "the template ends")
        @jumpboot.on_exit
        def end():
            print("a worker ends")
        def look():
            return 1
    """, min_workers=2, max_workers=2)
    daemon.terminate()
    assert daemon.wait_end() == 0
    ends = daemon.log_lines(" ends")
    assert len(ends) == 3 and "the template ends" in ends[-1]


def test_the_log_tells_which_is_which(start):
    daemon = start()
    assert len(daemon.log_lines("template ready after")) == 1
    assert len([line for line in daemon.log_lines(" ready after") if "template" not in line]) == 1
