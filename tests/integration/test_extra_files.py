# SPDX-License-Identifier: MIT
"""Files and areas of memory that workers find open, spawned or forked."""
import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from harness import GATE_SOURCE, daemon_command

USER = 54321
PROGRAM = GATE_SOURCE + """
import mmap, os, sys

fds = sys.extra_file_descriptors

def count():
    return len(fds)

def pid():
    return os.getpid()

def read(number, length=100):
    return os.read(fds[number], length).decode()

def write(number, text):
    return os.write(fds[number], text.encode())

def refused(number, text):
    try:
        os.write(fds[number], text.encode())
    except OSError as error:
        return error.strerror

def look(number):
    with mmap.mmap(fds[number], 0) as area:
        return len(area), area[:].rstrip(b"\\0").decode()

def fill(number, text):
    with mmap.mmap(fds[number], 0) as area:
        area[:len(text)] = text.encode()

def resize(number, size):
    os.truncate(fds[number], size)

def inherited():
    import subprocess
    numbers = subprocess.run(["ls", "/proc/self/fd"], stdout=subprocess.PIPE, check=True).stdout
    return [fd for fd in fds if str(fd) in numbers.decode().split()]

def mode(number):
    return oct(os.fstat(fds[number]).st_mode & 0o777)
"""

METHODS = pytest.mark.parametrize("method", ["spawn", "forkserver"])
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")


def app(extra_files, method="spawn", source=PROGRAM, **options):
    return {"main": {"source": source}, "extra_files": extra_files, "start_method": method,
            **options}


def start(start_daemon, extra_files, method="spawn", **options):
    files = options.pop("files", {})
    server = {"admin_users": [str(os.getuid())]}
    return start_daemon({"app": app(extra_files, method, **options)}, files=files, server=server)


def reload(daemon, extra_files, method="spawn", **options):
    key, value = daemon.mark.split("=")
    program = {**app(extra_files, method, **options), "env": {key: value}}
    (daemon.directory / "tests.conf").write_text(json.dumps({"programs": {"app": program}}))
    daemon.baseline = None
    return daemon.call("jumpbootd.reload")


@METHODS
def test_modes(start_daemon, method):
    daemon = start(start_daemon, [
        "in.txt",
        {"path": "log.txt", "mode": "a", "permissions": "0640"},
        {"path": "there.txt", "mode": "w"},
        {"path": "both.txt", "mode": "r+"},
        {"path": "more.txt", "mode": "a+"},
    ], method, umask="0", files={
        "in.txt": "input\n", "there.txt": "kept by all\n", "both.txt": "both\n",
        "more.txt": "more\n"})
    call = daemon.call
    assert call("app.count") == 5
    assert call("app.read", [0]) == "input\n"
    assert call("app.refused", [0, "x"]) == "Bad file descriptor"
    call("app.write", [1, "one\n"])
    call("app.write", [1, "two\n"])
    call("app.write", [2, "KEPT"])
    assert call("app.read", [3]) == "both\n"
    call("app.write", [3, "end\n"])
    assert call("app.read", [4]) == "more\n"
    call("app.write", [4, "end\n"])
    assert call("app.mode", [1]) == "0o640"
    assert call("app.inherited") == []
    texts = {path.name: path.read_text() for path in daemon.directory.glob("*.txt")}
    assert texts == {
        "in.txt": "input\n", "log.txt": "one\ntwo\n", "there.txt": "KEPT by all\n",
        "both.txt": "both\nend\n", "more.txt": "more\nend\n"}


@METHODS
def test_each_worker_has_a_place_of_its_own(start_daemon, method):
    """What one has read the other reads as well; max_requests 1 gives each call a new worker."""
    daemon = start(start_daemon, ["in.txt", {"path": "log.txt", "mode": "a"}], method,
                   max_requests=1, files={"in.txt": "input\n"})
    pids = set()
    for number in range(3):
        pids.add(daemon.call("app.pid"))
        assert daemon.call("app.read", [0, 3]) == "inp"
        daemon.call("app.write", [1, f"{number}\n"])
    assert len(pids) == 3
    assert (daemon.directory / "log.txt").read_text() == "0\n1\n2\n"


def test_what_a_template_has_read_is_read(start_daemon):
    """Each forked worker goes on where the main module stopped, and has that place to itself."""
    source = PROGRAM + """
HEADER = os.read(fds[0], 7)
os.close(fds[1])
OTHER = os.open("/dev/null", os.O_RDONLY)
def header():
    return HEADER.decode(), OTHER == fds[1]
"""
    daemon = start(start_daemon, ["in.txt", "closed.txt"], "forkserver", source=source,
                   max_requests=1, files={"in.txt": "header\nbody\n", "closed.txt": "x"})
    assert daemon.call("app.header") == ["header\n", True]
    for _ in range(2):
        assert daemon.call("app.read", [0]) == "body\n"
    assert daemon.call("app.read", [1]) == "", "what took its number is left alone"


@METHODS
def test_a_file_that_is_rotated(start_daemon, method):
    daemon = start(start_daemon, [{"path": "log.txt", "mode": "a"}], method)
    log = daemon.directory / "log.txt"
    old = daemon.call("app.pid")
    daemon.call("app.write", [0, "old"])
    log.rename(log.with_name("log.txt.1"))
    daemon.call("app.write", [0, "er"])
    assert daemon.call("jumpbootd.restart", {"program": "app"})["ok"]
    daemon.wait_for(lambda: daemon.call("app.pid") != old, "the new worker")
    daemon.call("app.write", [0, "new"])
    assert log.read_text() == "new"
    assert log.with_name("log.txt.1").read_text() == "older"


@METHODS
def test_an_area_of_all_workers(start_daemon, method, tmp_path):
    daemon = start(start_daemon, ["memfd:64K", {"memfd": "1M", "name": "frames"}], method,
                   min_workers=2, max_workers=2)
    daemon.call("app.fill", [1, "seen"])
    first = daemon.call("app.pid")
    gate_path = tmp_path / "gate"
    os.mkfifo(gate_path)
    with daemon.connect() as busy:
        # The worker that was used last stands at the gate: the other one answers.
        busy.request("app.pass_gate", [str(gate_path)])
        gate = os.open(gate_path, os.O_WRONLY)
        assert daemon.call("app.pid") != first
        assert daemon.call("app.look", [1]) == [1 << 20, "seen"]
        assert daemon.call("app.look", [0]) == [1 << 16, ""]
        os.close(gate)
        assert busy.receive()["result"] == "passed"
    error = daemon.error("app.resize", [0, 100])
    assert error["message"] == "PermissionError: [Errno 1] Operation not permitted"


@METHODS
def test_an_area_outlives_workers_and_reloads(start_daemon, method):
    area = {"memfd": "4K", "name": "state"}
    daemon = start(start_daemon, [area], method)
    daemon.call("app.fill", [0, "kept"])
    (worker,) = daemon.call("jumpbootd.workers")["workers"]
    os.kill(worker["pid"], signal.SIGKILL)
    daemon.wait_for(lambda: daemon.call("app.pid") != worker["pid"], "a new worker")
    assert daemon.call("app.look", [0]) == [4096, "kept"]
    result = reload(daemon, ["memfd:4K", area, "tests.conf"], method, max_workers=3)
    assert result["ok"], result
    daemon.wait_for(lambda: daemon.call("app.count") == 3, "workers of the new config alone")
    assert daemon.call("app.look", [1]) == [4096, "kept"]
    assert daemon.call("app.look", [0]) == [4096, ""]
    assert reload(daemon, [{**area, "memfd": "8K"}], method)["ok"]
    daemon.wait_for(lambda: daemon.call("app.count") == 1, "workers of the last config alone")
    assert daemon.call("app.look", [0]) == [8192, ""]


@METHODS
def test_a_file_that_is_gone_when_a_worker_starts(start_daemon, method):
    """The start fails as any other does, and the error says why."""
    daemon = start(start_daemon, ["in.txt"], method, files={"in.txt": "x"},
                   restart_threshold=1)
    (daemon.directory / "in.txt").rename(daemon.directory / "away.txt")
    assert daemon.call("app.read", [0]) == "x"
    result = daemon.call("jumpbootd.restart", {"program": "app"})
    assert not result["ok"]
    assert "in.txt" in result["error"]["message"]
    assert "No such file or directory" in result["error"]["message"]
    for worker in daemon.call("jumpbootd.workers")["workers"]:  # and not the template
        os.kill(worker["pid"], signal.SIGKILL)
    daemon.wait_for(lambda: daemon.program_status("app")["last_error"], "a failed start")
    error = daemon.error("app.read", [0])
    assert error["data"]["kind"] == "unavailable" and "in.txt" in str(error)
    (daemon.directory / "away.txt").rename(daemon.directory / "in.txt")
    daemon.wait_for(lambda: daemon.program_status("app")["workers"]["idle"], "a good start")
    assert daemon.call("app.read", [0]) == "x"


@pytest.fixture
def open_folder():
    """A folder that other users may look into."""
    with tempfile.TemporaryDirectory(prefix="jumpbootd-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@needs_root
@METHODS
def test_files_are_opened_as_the_user_of_the_program(start_daemon, open_folder, method):
    """Not by the daemon, who may open everything: whatever a name leads to by then."""
    spool = open_folder / "spool"
    spool.mkdir()
    os.chown(spool, USER, USER)
    log, secret = spool / "log.txt", open_folder / "secret.txt"
    secret.write_text("secret")
    secret.chmod(0o600)
    options = {"user": str(USER), "group": str(USER), "restart_threshold": 1}
    daemon = start(start_daemon, [{"path": str(log), "mode": "a"}], method, **options)
    daemon.call("app.write", [0, "mine"])
    assert (log.stat().st_uid, log.read_text()) == (USER, "mine")
    # A link that leads elsewhere after the load gives the worker nothing.
    log.unlink()
    log.symlink_to(secret)
    result = daemon.call("jumpbootd.restart", {"program": "app"})
    assert "Permission denied" in result["error"]["message"]
    assert secret.read_text() == "secret"
    daemon.baseline = None


@needs_root
def test_what_the_user_may_not_open_is_told_at_load(open_folder):
    secret = open_folder / "secret.txt"
    secret.write_text("secret")
    secret.chmod(0o600)
    (open_folder / "jumpbootd.conf").write_text(json.dumps({"program_sets": ["app.conf"]}))
    program = app([str(secret)], user=str(USER), group=str(USER))
    (open_folder / "app.conf").write_text(json.dumps({"programs": {"app": program}}, indent=1))
    found = subprocess.run(
        [*daemon_command(), "--check-config", "--config", str(open_folder / "jumpbootd.conf")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert found.returncode == 78
    assert f"{open_folder}/app.conf:8:5: cannot open {secret} for reading as the user {USER}: " \
        "Permission denied\n" in found.stderr
