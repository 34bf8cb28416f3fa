# SPDX-License-Identifier: MIT
"""The listening socket: its file, mode, group, and who was there before."""
import contextlib
import grp
import json
import os
import resource
import signal
import socket
import stat
import subprocess

import pytest
from harness import (
    DEADLINE, GATE_SOURCE, PYTHON, Client, Gate, connect_socket, daemon_command, is_socket,
    run_daemon, wait_until,
)

PROGRAM = "def ok(): return 'ok'\n"


@pytest.mark.valgrind
@pytest.mark.parametrize("mode", ["0600", "0660", "0666"])
def test_mode(start_daemon, mode):
    daemon = start_daemon({"app": PROGRAM}, server={"listen_mode": mode})
    assert stat.S_IMODE(os.stat(daemon.socket_path).st_mode) == int(mode, 8)


def test_the_umask_does_not_change_the_mode(start_daemon):
    daemon = start_daemon(
        {"app": PROGRAM}, server={"listen_mode": "0666"}, preexec=lambda: os.umask(0o077)
    )
    assert stat.S_IMODE(os.stat(daemon.socket_path).st_mode) == 0o666


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file to another group")
def test_group(start_daemon):
    group = next(entry for entry in grp.getgrall() if entry.gr_gid not in (0, os.getgid()))
    daemon = start_daemon(
        {"app": PROGRAM}, server={"listen_group": group.gr_name, "listen_mode": "0660"}
    )
    assert os.stat(daemon.socket_path).st_gid == group.gr_gid


def test_the_socket_file_goes_with_the_daemon(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    assert is_socket(daemon.socket_path)
    daemon.terminate()
    assert daemon.wait_end() == 0
    assert not daemon.socket_path.exists()


def test_a_stale_socket_file_is_replaced(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    daemon.terminate(signal.SIGKILL)
    daemon.wait_end()
    assert is_socket(daemon.socket_path), "what a killed daemon leaves behind"
    with pytest.raises(ConnectionRefusedError):
        connect_socket(daemon.socket_path)
    daemon.start()
    assert daemon.call("app.ok") == "ok"


def test_a_live_socket_is_refused(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    result = run_daemon("--config", daemon.config_path)
    assert result.returncode not in (0, None)
    assert str(daemon.socket_path) in result.stderr
    assert daemon.call("app.ok") == "ok", "the first has kept its socket"


def test_of_two_that_start_at_once_one_serves(tmp_path):
    """The story: one that had bound its socket and did not listen yet looked like a dead one."""
    config = config_in(tmp_path)
    with contextlib.ExitStack() as stack:
        daemons = [
            stack.enter_context(subprocess.Popen(
                [*daemon_command(), "--config", config], stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True,
            )) for _ in range(4)
        ]
        wait_until(lambda: sum(daemon.poll() is None for daemon in daemons) == 1, "one to be left")
        (left,) = [daemon for daemon in daemons if daemon.poll() is None]
        with Client(tmp_path / "socket") as client:
            assert client.call("jumpbootd.ping")["pid"] == left.pid
        left.terminate()
        assert left.wait(DEADLINE) == 0
        for daemon in daemons:
            if daemon is not left:
                assert daemon.returncode == os.EX_OSERR
                assert "another daemon" in daemon.stderr.read()
    assert [path.name for path in tmp_path.iterdir()] == ["jumpbootd.conf"]


def config_in(tmp_path, **options):
    path = tmp_path / "jumpbootd.conf"
    path.write_text(json.dumps({"listen": str(tmp_path / "socket"), **options}))
    return path


def test_another_file_in_its_place_is_left_alone(tmp_path):
    (tmp_path / "socket").write_text("precious")
    result = run_daemon("--config", config_in(tmp_path))
    assert result.returncode != 0
    assert str(tmp_path / "socket") in result.stderr
    assert (tmp_path / "socket").read_text() == "precious"


def test_a_folder_that_does_not_exist(tmp_path):
    result = run_daemon("--config", config_in(tmp_path, listen=str(tmp_path / "no" / "socket")))
    assert result.returncode != 0
    assert str(tmp_path / "no" / "socket") in result.stderr


def test_without_any_program(start_daemon):
    """A daemon that has nothing to serve starts all the same, and says so when asked."""
    daemon = start_daemon()
    assert daemon.status()["programs"] == {}
    assert daemon.error("app.ok")["code"] == -32601
    assert daemon.call("rpc.discover")["methods"] == []


def test_a_peer_that_hangs_up_at_once(start_daemon):
    daemon = start_daemon({"app": PROGRAM})
    for _ in range(100):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(daemon.socket_path))
        connection.close()
    assert daemon.call("app.ok") == "ok"


def test_running_out_of_descriptors(start_daemon):
    """Whoever finds none left waits; the daemon says so, and does not spin or end."""
    daemon = start_daemon(
        {"app": PROGRAM},
        preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )
    clients = [daemon.connect() for _ in range(80)]
    served = clients[0]
    assert served.call("app.ok") == "ok"
    last = clients[-1]
    last.request("app.ok", id=1)
    assert served.call("app.ok") == "ok"
    for client in clients[1:-1]:
        client.close()
    assert last.receive()["result"] == "ok"


def test_few_descriptors_are_shared_with_the_workers(start_daemon):
    """Clients cannot take those that workers need: there are fewer clients, which the log says."""
    daemon = start_daemon(
        {"app": {"main": {"source": PROGRAM + "\nimport os\ndef leave(): os._exit(1)\n"},
                 "max_workers": 2}},
        server={"max_clients": 1000},
        preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (120, 120)),
    )
    assert daemon.log_lines("serving at most 26 clients, not 1000")
    clients = [daemon.connect() for _ in range(60)]
    assert clients[0].call("app.ok") == "ok"
    assert clients[0].error("app.leave")["code"] == -32003
    assert clients[0].call("app.ok") == "ok"


# Under systemd: the socket is handed over, and the daemon says how it is.


# What systemd does between fork and exec: the sockets become descriptors 3 and up.
HAND_OVER = """
import os, sys

descriptors = [os.dup2(int(text), 100 + i) for i, text in enumerate(sys.argv[1].split(","))]
for i, descriptor in enumerate(descriptors):
    os.dup2(descriptor, 3 + i)
    os.close(descriptor)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(descriptors)))
os.execvp(sys.argv[2], sys.argv[2:])
"""


def listen_at(path):
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen(10)
    return listening


def given(*sockets):
    """The options of a daemon that gets these sockets."""
    numbers = [listening.fileno() for listening in sockets]
    return {"pass_fds": numbers,
            "wrapper": [PYTHON, "-c", HAND_OVER, ",".join(map(str, numbers))]}


def test_socket_activation(start_daemon, tmp_path):
    """It serves the socket that it is given, leaves its file alone, and tells its workers nothing
    of it."""
    path = tmp_path / "activated"
    with listen_at(path) as listening:
        daemon = start_daemon(
            {"app": {
                "main": {"source": "import os\ndef environment(): return dict(os.environ)\n"},
                "clear_env": False,
            }},
            server={"listen": str(path)}, **given(listening),
        )
    assert not [name for name in daemon.call("app.environment") if name.startswith("LISTEN_")]
    daemon.terminate()
    assert daemon.wait_end() == 0
    assert is_socket(path), "the file is systemd's"


def test_several_sockets_are_all_served(start_daemon, tmp_path):
    paths = [tmp_path / name for name in ("first", "second", "third")]
    with listen_at(paths[0]) as first, listen_at(paths[1]) as second, listen_at(paths[2]) as third:
        daemon = start_daemon(
            {"app": PROGRAM}, server={"listen": str(paths[0])}, **given(first, second, third)
        )
    for path in paths:
        with Client(path) as client:
            assert client.call("app.ok") == "ok"
    assert daemon.status()["listen"] == str(paths[0])
    assert daemon.log_lines(f"serving 1 programs on {paths[0]}")


def test_who_waits_at_a_given_socket_waits_for_the_next_daemon(start_daemon, tmp_path):
    """One who was not accepted yet when the daemon was told to stop loses nothing."""
    path = tmp_path / "activated"
    with listen_at(path) as listening:
        options = {"ready": False, **given(listening)}
        first = start_daemon(
            {"app": PROGRAM}, server={"listen": str(path), "max_clients": 1}, **options
        )
        served = first.connect()
        assert served.call("app.ok") == "ok"
        with Client(path) as waiting:
            waiting.request("app.ok", id=1)
            first.terminate()
            served.assert_closed()
            assert first.wait_end() == 0
            assert not waiting.has_input()
            start_daemon({"app": PROGRAM}, server={"listen": str(path)}, **options)
            assert waiting.receive()["result"] == "ok"


@pytest.fixture
def manager(tmp_path):
    """A service manager that listens, and the environment of a daemon that it starts."""
    with Manager(tmp_path / "notify") as manager:
        yield manager


class Manager:
    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(DEADLINE)
        self.environment = {"NOTIFY_SOCKET": str(path)}
        self.messages = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def wait_for(self, line):
        """The next message with a line that begins so; all of it, as lines."""
        while True:
            lines = self._socket.recv(4096).decode().splitlines()
            self.messages.append(lines)
            if any(found.startswith(line) for found in lines):
                return lines


def test_notifications_to_systemd(start_daemon, manager):
    daemon = start_daemon({"app": PROGRAM}, environment=manager.environment)
    lines = manager.wait_for("READY=1")
    assert any(line.startswith("STATUS=Serving: 1 program ready; 1 worker, ") for line in lines)
    daemon.process.send_signal(signal.SIGHUP)
    lines = manager.wait_for("RELOADING=1")
    assert any(line.startswith("MONOTONIC_USEC=") for line in lines)
    manager.wait_for("READY=1")
    daemon.terminate()
    manager.wait_for("STOPPING=1")
    assert daemon.wait_end() == 0


def test_it_is_ready_once_every_program_is_or_has_failed(start_daemon, manager, tmp_path):
    gate = Gate(tmp_path / "gate")
    daemon = start_daemon(
        {"app": PROGRAM, "broken": "import missing_module\n",
         "slow": f"{GATE_SOURCE}\npass_gate({gate.path!r})\n"},
        ready=False, environment=manager.environment,
    )
    gate.wait_entered()
    manager.wait_for("STATUS=Starting: 1 of 3 programs ready, waiting for slow; failing to start: "
                     "broken (ModuleNotFoundError: No module named 'missing_module'")
    assert daemon.call("app.ok") == "ok"
    assert not any("READY=1" in lines for lines in manager.messages)
    gate.release()
    lines = manager.wait_for("READY=1")
    assert any("2 of 3 programs ready; failing to start: broken (Module" in line for line in lines)


def test_a_start_that_fails_is_told(tmp_path, manager):
    environment = {**os.environ, **manager.environment}
    config = config_in(tmp_path, max_clients=0, shutdown_timeout="a while")
    assert run_daemon("--config", config, env=environment).returncode == os.EX_CONFIG
    lines = manager.wait_for("STATUS=")
    assert lines[0].startswith(f"STATUS={config}:1:") and "max_clients must be" in lines[0]
    (tmp_path / "socket").write_text("precious")
    assert run_daemon("--config", config_in(tmp_path), env=environment).returncode == os.EX_OSERR
    lines = manager.wait_for("STATUS=")
    assert "refusing to replace what is no socket" in lines[0] and lines[1] == "ERRNO=17"
