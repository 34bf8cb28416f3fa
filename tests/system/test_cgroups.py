# SPDX-License-Identifier: MIT
"""The control groups of the programs. What the kernel of this machine lets the box have decides how
far they go: in a hierarchy of version 2 whose controllers are elsewhere there are the groups, but
no limits."""
import pytest

WORK = """
import os, signal, subprocess, sys

def pid():
    return os.getpid()

def group():
    with open("/proc/self/cgroup") as lines:
        return next(line[3:].strip() for line in lines if line.startswith("0::"))

def leave_one_behind():
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    return child.pid

def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)

def grow():
    hoard = []
    while True:
        hoard.append(bytearray(os.urandom(4096) * 256))
"""
UNIT_GROUP = "/system.slice/jumpbootd.service"
LIMITS = {"memory_max": "200M", "cpu_weight": 300, "tasks_max": 200}


def hierarchy(box):
    """Where version 2 is mounted in the box."""
    for point in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if box.exists(f"{point}/cgroup.controllers"):
            return point
    pytest.skip("no control groups of version 2 are mounted here")


def group_path(box, name=""):
    return f"{hierarchy(box)}{UNIT_GROUP}{name and '/' + name}"


def pids_in(box, name):
    return {int(pid) for pid in box.run("cat", group_path(box, name) + "/cgroup.procs").stdout.split()}


def start(box, **options):
    programs = {"work": {"main": "work.py", "min_workers": 2, "max_workers": 2,
                         "restart_threshold": 1000, **options}}
    box.programs("work", {"programs": programs}, work=WORK)
    box.systemctl("start", "jumpbootd")
    return int(box.show("MainPID"))


def has_controllers(box):
    controllers = box.read(group_path(box) + "/cgroup.controllers").split()
    return {"memory", "cpu", "pids"} <= set(controllers)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_each_program_has_a_group(box, method):
    hierarchy(box)
    main = start(box, start_method=method)
    assert pids_in(box, "jumpbootd") == {main}
    assert pids_in(box, "") == set()
    workers = {worker["pid"] for worker in box.call("jumpbootd.workers")["workers"]}
    assert len(workers) == 2
    # A template is there besides.
    assert workers <= pids_in(box, "work")
    assert box.call("work.group") == f"{UNIT_GROUP}/work"
    group = box.call("jumpbootd.status")["programs"]["work"]["cgroup"]
    assert group["path"] == f"{UNIT_GROUP}/work"


def test_limits_that_have_no_effect_are_told(box):
    hierarchy(box)
    start(box, **LIMITS)
    if has_controllers(box):
        pytest.skip("the controllers are there")
    line = box.wait_journal("no effect", SYSLOG_IDENTIFIER="jumpbootd")
    assert "memory_max, cpu_weight and tasks_max have no effect" in line["MESSAGE"]
    assert f"{UNIT_GROUP} does not have the controllers memory, cpu and pids" in line["MESSAGE"]
    assert box.call("work.pid") > 1


def test_limits(box):
    hierarchy(box)
    start(box, **LIMITS)
    if not has_controllers(box):
        pytest.skip("the controllers are in no hierarchy of version 2 here")
    def value(name):
        return box.read(f"{group_path(box, 'work')}/{name}").strip()
    assert [value("memory.max"), value("cpu.weight"), value("pids.max")] == [
        str(200 << 20), "300", "200"]
    assert value("memory.oom.group") == "0"
    start(box, **{**LIMITS, "memory_max": "300M"})
    box.run("jumpbootctl", "reload")
    assert value("memory.max") == str(300 << 20)


def test_a_unit_that_delegates_nothing(box):
    hierarchy(box)
    box.drop_in("nothing", "[Service]\nDelegate=no\n")
    main = start(box, **LIMITS)
    assert main in pids_in(box, "")
    assert box.call("work.group") == UNIT_GROUP
    line = box.wait_journal("no effect", SYSLOG_IDENTIFIER="jumpbootd")
    assert f"the control group {UNIT_GROUP} is not delegated to the daemon" in line["MESSAGE"]
    assert box.call("jumpbootd.status")["programs"]["work"]["cgroup"] is None


def test_a_daemon_of_a_shell_is_left_where_it_is(box):
    """Also where the shell itself is a service that has a group of its own."""
    hierarchy(box)
    box.programs("work", {"programs": {"work": {"main": "work.py", **LIMITS}}}, work=WORK)
    box.configure({"listen": "/run/by-hand.sock", "program_sets": ["programs.d/*.conf"]})
    box.run("systemd-run", "--quiet", "--collect", "--unit=shell", "-p", "Delegate=yes",
            "sh", "-c", "jumpbootd; exit 0")
    line = box.wait_journal("no effect", SYSLOG_IDENTIFIER="jumpbootd")
    assert "the daemon is not a service that systemd has started" in line["MESSAGE"]
    done = box.run("jumpbootctl", "--socket", "/run/by-hand.sock", "call", "work.group")
    assert done.stdout.strip() == '"/system.slice/shell.service"'
    box.systemctl("stop", "shell.service")


def test_the_group_of_a_removed_program_goes(box):
    hierarchy(box)
    start(box)
    left = box.call("work.leave_one_behind")
    assert left in pids_in(box, "work")
    box.programs("work", {"programs": {"other": {"main": "work.py"}}}, work=WORK)
    box.run("jumpbootctl", "reload")
    box.wait(lambda: not box.exists(group_path(box, "work")), "the end of the group")
    box.wait(lambda: not box.exists(f"/proc/{left}"), "the end of what was left there")
    assert box.call("other.group") == f"{UNIT_GROUP}/other"


def test_nothing_outlives_the_daemon(box):
    hierarchy(box)
    main = start(box)
    workers = pids_in(box, "work") | {box.call("work.leave_one_behind")}
    box.run("kill", "-KILL", main)
    box.wait(lambda: not any(box.exists(f"/proc/{pid}") for pid in workers), "the workers' end")
    box.wait(lambda: box.show("ActiveState") == "active" and int(box.show("MainPID")) != main,
             "the restart")
    assert box.call("work.group") == f"{UNIT_GROUP}/work"
    assert pids_in(box, "jumpbootd") == {int(box.show("MainPID"))}


def limit_memory(box):
    """200 MB for the program, or where that has no effect for the service as a whole."""
    main = start(box, memory_max="200M")
    if has_controllers(box):
        return main
    for root in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup"):
        path = f"{root}{UNIT_GROUP}"
        if box.exists(f"{path}/memory.limit_in_bytes"):
            box.write(f"{path}/memory.limit_in_bytes", str(200 << 20))
            return main
    box.drop_in("memory", "[Service]\nMemoryMax=200M\nMemorySwapMax=0\n")
    box.systemctl("restart", "jumpbootd")
    if not box.exists(f"/sys/fs/cgroup/memory{UNIT_GROUP}/memory.limit_in_bytes"):
        pytest.skip("no memory controller for services here")
    return int(box.show("MainPID"))


def test_a_worker_that_is_killed_for_memory(box):
    hierarchy(box)
    main = limit_memory(box)
    client = box.connect()
    error = client.error("work.grow")
    assert error["data"]["kind"] == "worker_died"
    assert (error["data"]["signal"], error["data"]["out_of_memory"]) == ("SIGKILL", True)
    box.wait_journal("was killed for memory (SIGKILL by the kernel)", SYSLOG_IDENTIFIER="jumpbootd")
    assert client.error("work.kill_self")["data"]["out_of_memory"] is False
    assert box.call("work.pid") > 1
    assert int(box.show("MainPID")) == main
    assert box.show("ActiveState") == "active"
