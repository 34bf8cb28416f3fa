# SPDX-License-Identifier: MIT
"""The listening socket: its file, mode, group, and who was there before."""
import grp
import json
import os
import resource
import signal
import socket
import stat

import pytest
from harness import DEADLINE, PYTHON, connect_socket, is_socket, run_daemon

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


# What systemd does between fork and exec: the socket becomes descriptor 3.
HAND_OVER = """
import os, sys

descriptor = int(sys.argv[1])
if descriptor != 3:
    os.dup2(descriptor, 3)
    os.close(descriptor)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execvp(sys.argv[2], sys.argv[2:])
"""


def test_socket_activation(start_daemon, tmp_path):
    """It serves the socket that it is given, leaves its file alone, and tells its workers nothing
    of it."""
    path = tmp_path / "activated"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(10)
        daemon = start_daemon(
            {"app": {
                "main": {"source": "import os\ndef environment(): return dict(os.environ)\n"},
                "clear_env": False,
            }},
            server={"listen": str(path)}, pass_fds=[listening.fileno()],
            wrapper=[PYTHON, "-c", HAND_OVER, str(listening.fileno())],
        )
    assert not [name for name in daemon.call("app.environment") if name.startswith("LISTEN_")]
    daemon.terminate()
    assert daemon.wait_end() == 0
    assert is_socket(path), "the file is systemd's"


def test_notifications_to_systemd(start_daemon, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(DEADLINE)
        daemon = start_daemon(
            {"app": PROGRAM}, environment={"NOTIFY_SOCKET": str(tmp_path / "notify")}
        )
        _receive_until(notify, "READY=1")
        daemon.terminate()
        _receive_until(notify, "STOPPING=1")


def _receive_until(notify, word):
    while word not in notify.recv(4096).decode().splitlines():
        pass
