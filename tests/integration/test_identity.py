# SPDX-License-Identifier: MIT
"""Who workers run as, with which limits; and that a daemon that cannot do it says so at the start."""
import json
import os
import pwd
import resource
import subprocess
import tempfile
from pathlib import Path

import pytest
from harness import as_user, daemon_command

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")

# Numbers need no entry in the user database.
USER, GROUP = 54321, 54322

PROGRAM = """
import os, resource

def identity():
    status = dict(line.split(":\\t", 1) for line in open("/proc/self/status"))
    mask = os.umask(0)
    os.umask(mask)
    return {
        "uids": os.getresuid(), "gids": os.getresgid(), "groups": os.getgroups(),
        "capabilities": [int(status[n], 16) for n in ("CapPrm", "CapEff", "CapInh", "CapAmb")],
        "no_new_privs": int(status["NoNewPrivs"]), "umask": mask, "nice": os.nice(0),
        "cwd": os.getcwd(),
    }

def environment():
    return dict(os.environ)

def limit(name):
    return resource.getrlimit(getattr(resource, "RLIMIT_" + name))

def can_read(path):
    try:
        open(path).close()
    except PermissionError:
        return False
    return True

def write(path):
    with open(path, "w") as file:
        print("to", path, file=file)

def hang():
    import signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)
"""


def start(start_daemon, **options):
    main = {"source": PROGRAM}
    return start_daemon({"app": {"main": main, **options}})


@pytest.fixture
def open_folder():
    """A folder that other users may look into, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="jumpbootd-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@needs_root
def test_workers_are_who_they_should_be(start_daemon, open_folder):
    daemon = start(
        start_daemon, user=str(USER), group=str(GROUP), umask="027", nice=-3,
        working_directory=str(open_folder),
    )
    assert daemon.call("app.identity") == {
        "uids": [USER] * 3, "gids": [GROUP] * 3, "groups": [GROUP],
        "capabilities": [0, 0, 0, 0], "no_new_privs": 1, "umask": 0o027, "nice": -3,
        "cwd": str(open_folder),
    }


@needs_root
def test_a_worker_of_another_user(start_daemon):
    """It has what it needs and no more, and is ended like any other."""
    daemon = start(
        start_daemon, user=str(USER), group=str(GROUP), request_timeout="200ms",
        interrupt_timeout="0", terminate_timeout="200ms",
    )
    (worker,) = daemon.workers()
    assert os.stat(f"/proc/{worker}/mem").st_uid == USER
    assert daemon.call("app.can_read", [f"/proc/{daemon.pid}/environ"]) is False
    assert daemon.call("app.can_read", ["/proc/self/environ"]) is True
    daemon.call("app.write", ["/dev/stderr"])
    daemon.wait_log("to /dev/stderr")
    assert daemon.error("app.hang")["data"]["kind"] == "timeout"
    daemon.wait_for(lambda: worker not in daemon.workers(), "the worker to be killed")
    daemon.wait_ready()
    assert daemon.call("app.identity")["uids"] == [USER] * 3


@needs_root
def test_the_groups_are_those_of_the_user(start_daemon):
    entry = next(e for e in pwd.getpwall() if e.pw_uid != 0)
    daemon = start(start_daemon, user=entry.pw_name)
    found = daemon.call("app.identity")
    assert found["uids"] == [entry.pw_uid] * 3
    assert found["gids"] == [entry.pw_gid] * 3
    assert sorted(found["groups"]) == sorted(os.getgrouplist(entry.pw_name, entry.pw_gid))
    environment = daemon.call("app.environment")
    assert environment["HOME"] == entry.pw_dir
    assert environment["USER"] == environment["LOGNAME"] == entry.pw_name
    assert environment["SHELL"] == entry.pw_shell


@needs_root
def test_the_environment_follows_the_user(start_daemon, monkeypatch):
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setenv("USER", "root")
    daemon = start(
        start_daemon, user=str(USER), group=str(GROUP), clear_env=False, env={"HOME": "/srv"}
    )
    environment = daemon.call("app.environment")
    assert environment["HOME"] == "/srv"
    assert environment["USER"] == environment["LOGNAME"] == str(USER)


@needs_root
def test_the_group_alone(start_daemon):
    daemon = start(start_daemon, group=str(GROUP))
    found = daemon.call("app.identity")
    assert found["uids"] == [0] * 3
    assert found["gids"] == [GROUP] * 3
    assert sorted(found["groups"]) == sorted(os.getgroups())


def test_limits(start_daemon):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    daemon = start(
        start_daemon,
        limits={
            "nofile": {"soft": 123, "hard": min(hard, 456)}, "core": 0, "cpu": "10s",
            "as": {"soft": "3G", "hard": "4G"}, "stack": "16M",
        },
    )
    assert daemon.call("app.limit", ["NOFILE"]) == [123, min(hard, 456)]
    assert daemon.call("app.limit", ["CORE"]) == [0, 0]
    assert daemon.call("app.limit", ["CPU"]) == [10, 10]
    assert daemon.call("app.limit", ["AS"]) == [3 << 30, 4 << 30]
    assert daemon.call("app.limit", ["STACK"]) == [16 << 20, 16 << 20]
    assert daemon.call("app.limit", ["NPROC"]) == list(resource.getrlimit(resource.RLIMIT_NPROC))


def may_raise_limits():
    """CAP_SYS_RESOURCE, which root in a container need not have."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("CapEff:")[1].split()[0], 16) >> 24 & 1


@pytest.mark.skipif(not may_raise_limits(), reason="needs CAP_SYS_RESOURCE")
def test_limits_may_be_raised_for_another_user(start_daemon):
    """They are set while that is still allowed."""
    daemon = start_daemon(
        {"app": {"main": {"source": PROGRAM}, "user": str(USER), "group": str(GROUP),
                 "limits": {"msgqueue": "2M"}}},
        preexec=lambda: resource.setrlimit(resource.RLIMIT_MSGQUEUE, (1 << 20, 1 << 20)),
    )
    with open(f"/proc/{daemon.workers()[0]}/limits", encoding="ascii") as limits:
        (line,) = [line for line in limits if line.startswith("Max msgqueue size")]
    assert line.split()[3:5] == [str(2 << 20)] * 2


def check_config(folder, program):
    """What --check-config says to a program: exit status and messages."""
    (folder / "set.conf").write_text(json.dumps({"programs": {"app": program}}))
    (folder / "jumpbootd.conf").write_text('{"program_sets": ["set.conf"]}')
    result = subprocess.run(
        [*daemon_command(), "--check-config", "--config", str(folder / "jumpbootd.conf")],
        capture_output=True, text=True,
    )
    return result.returncode, result.stderr


def as_another(folder, program):
    """The config is written by root, who alone may."""
    check_config(folder, program)
    for file in folder.iterdir():
        file.chmod(0o644)
    command = [*daemon_command(), "--check-config", "--config", str(folder / "jumpbootd.conf")]

    def check():
        result = subprocess.run(command, capture_output=True, text=True)
        return result.returncode, result.stderr

    return as_user(check, USER, GROUP)


@needs_root
@pytest.mark.parametrize("options, reason", [
    ({"user": "root"}, "only a daemon that runs as root, or has CAP_SETUID"),
    ({"group": "54399"}, "only a daemon that runs as root, or has CAP_SETUID"),
    ({"limits": {"msgqueue": "1T"}}, "msgqueue cannot be more than the daemon's own hard limit"),
])
def test_what_the_daemon_may_not_do_is_told_before_it_starts(open_folder, options, reason):
    program = {"main": {"source": "def f(): pass\n"}, **options}
    if may_raise_limits():
        assert check_config(open_folder, program)[0] == 0
    status, messages = as_another(open_folder, program)
    assert status == 78
    assert reason in messages
    assert f"{open_folder}/set.conf:1:" in messages


@needs_root
def test_a_number_without_a_group(open_folder):
    status, messages = check_config(open_folder, {"main": {"source": ""}, "user": str(USER)})
    assert status == 78
    assert f'the user {USER} is not in the user database: "group" must say' in messages


def test_unknown_users(open_folder):
    program = {"main": {"source": ""}, "user": "no such user", "group": "no such group"}
    status, messages = check_config(open_folder, program)
    assert status == 78
    assert 'user: this system has no user "no such user"' in messages
    assert 'group: this system has no group "no such group"' in messages


@needs_root
def test_files_that_workers_could_change_are_told(open_folder):
    (open_folder / "app.py").write_text("def f(): pass\n")
    program = {"main": "app.py", "user": str(USER), "group": str(GROUP)}
    assert check_config(open_folder, program) == (0, "")
    os.chown(open_folder / "app.py", USER, GROUP)
    status, messages = check_config(open_folder, program)
    assert status == 0
    assert messages.startswith(
        f'warning: {open_folder}/app.py: can be written by the user that workers of "app" run as '
        f"(uid {USER}): "
    )
    assert messages.count("\n") == 1
