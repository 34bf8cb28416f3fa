# SPDX-License-Identifier: MIT
"""The drop-ins that open what the unit closes: each makes a program work that fails without it."""
import pytest
from box import MEMBER, STRANGER

FOLDER = "/usr/share/doc/jumpbootd/systemd"

PROGRAM = """
import mmap, os, socket


def connect(port):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        return connection.recv(100).decode()


def resolve():
    return len(socket.getaddrinfo("localhost", 80))


def read(path):
    with open(path) as file:
        return file.read(4)


def write(path):
    with open(path, "w") as file:
        return file.write("text")


def read_device(path):
    with open(path, "rb", buffering=0) as file:
        return len(file.read(16))


def make_code():
    with mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as memory:
        return len(memory)


def processes():
    return os.path.exists("/proc/1")
"""

# Greets whoever connects, and tells where it listens.
GREETER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    listener.accept()[0].sendall(b"hello")
"""


@pytest.fixture
def needy(box):
    """A program "needy", which wants all of that, and a function that tries it."""
    box.programs("needy", {"programs": {"needy": {"main": "needy.py"}}}, needy=PROGRAM)
    box.systemctl("start", "jumpbootd")
    return box


def use(box, name):
    """Puts a drop-in to where jumpbootd(8) says."""
    box.run("install", "-D", "-m", "644", "-t", "/etc/systemd/system/jumpbootd.service.d",
            f"{FOLDER}/{name}.conf")
    box.systemctl("daemon-reload")
    verified = box.run("systemd-analyze", "verify", "jumpbootd.service")
    assert (verified.stdout, verified.stderr) == ("", "")
    box.systemctl("restart", "jumpbootd")


def assert_opens(box, drop_in, function, params=(), *, without, result):
    """The call fails without the drop-in, and succeeds with it."""
    error = box.error(f"needy.{function}", list(params))
    assert error["data"]["exception"] in without, error
    use(box, drop_in)
    assert box.call(f"needy.{function}", list(params)) == result


def test_all_are_there_and_named_in_the_manual(box):
    page = box.read("/usr/share/man/man8/jumpbootd.8").replace("\\-", "-")
    names = box.run("ls", FOLDER).stdout.split()
    assert len(names) >= 8
    for name in names:
        assert f".It Pa {name}\n" in page


def test_network(needy):
    greeter = needy.popen("python3", "-c", GREETER)
    port = int(greeter.stdout.readline())
    assert_opens(needy, "network", "connect", [port],
                 without=("PermissionError", "OSError", "ConnectionRefusedError"), result="hello")
    assert needy.call("needy.resolve") > 0


def test_files(needy):
    needy.run("install", "-d", "-o", "jumpboot", "/srv/jumpbootd")
    assert_opens(needy, "files", "write", ["/srv/jumpbootd/file"],
                 without=("OSError",), result=4)
    assert needy.read("/srv/jumpbootd/file") == "text"


def test_home(needy):
    needy.write("/home/somebody/file", "text")
    assert_opens(needy, "home", "read", ["/home/somebody/file"],
                 without=("FileNotFoundError", "PermissionError"), result="text")
    needy.run("chmod", "777", "/home/somebody")
    assert needy.error("needy.write", ["/home/somebody/other"])["data"]["exception"] \
        == "OSError"


def test_tmp(needy):
    needy.write("/tmp/left-for-a-program", "text")
    assert_opens(needy, "tmp", "read", ["/tmp/left-for-a-program"],
                 without=("FileNotFoundError",), result="text")
    needy.call("needy.write", ["/tmp/left-by-a-program"])
    assert needy.read("/tmp/left-by-a-program") == "text"
    needy.remove("/tmp/left-by-a-program")


def test_executable_memory(needy):
    assert_opens(needy, "executable-memory", "make_code", without=("PermissionError",), result=4096)


def test_devices(needy):
    """What /dev/zero is, by another name: a device that nobody has to have."""
    needy.run("mknod", "-m", "666", "/dev/jumpboot-zero", "c", "1", "5")
    assert_opens(needy, "devices", "read_device", ["/dev/jumpboot-zero"],
                 without=("FileNotFoundError",), result=16)


def test_processes(needy):
    assert needy.call("needy.processes") is False
    use(needy, "processes")
    assert needy.call("needy.processes") is True


WHO = """
import os, subprocess, time


def who():
    with open("/proc/self/status") as file:
        status = dict(line.rstrip().split(":\\t", 1) for line in file)
    return [os.getuid(), os.getgid(), status["CapPrm"], status["CapEff"]]


def sleep():
    time.sleep(600)


def leave_behind():
    subprocess.Popen(["sleep", "600"], start_new_session=True)
"""


def configure_users(box):
    box.configure({"program_sets": ["programs.d/*.conf"], "defaults": {"user": "jumpboot"}})
    main = {"main": "who.py", "max_workers": 1}
    box.programs("who", {"programs": {
        "own": main,
        "member": {**main, "user": MEMBER, "interrupt_timeout": "0", "start_method": "forkserver"},
        "stranger": {**main, "user": STRANGER, "max_worker_memory": "1G"},
    }}, who=WHO)


def test_users_are_refused_without_root(box):
    configure_users(box)
    assert box.systemctl("start", "jumpbootd", check=False).returncode != 0
    assert box.show("ExecMainStatus") == "78"
    assert box.wait_journal("only a daemon that runs as root", SYSLOG_IDENTIFIER="jumpbootd")


def test_users(box):
    configure_users(box)
    box.systemctl("start", "jumpbootd", check=False)
    use(box, "users")
    nothing = "0" * 16
    box.systemctl("reload", "jumpbootd")
    for program, user in (("own", "jumpboot"), ("member", MEMBER), ("stranger", STRANGER)):
        uid, gid, permitted, effective = box.call(f"{program}.who")
        assert (uid, permitted, effective) == (box.user_id(user), nothing, nothing), program
        assert gid == int(box.run("id", "-g", user).stdout), program


def test_users_are_ended_and_looked_after(box):
    """Deadlines, and what workers leave behind: for processes that are not the daemon's own user's."""
    configure_users(box)
    use(box, "users")
    client = box.connect()
    for program in ("member", "stranger"):
        client.call(f"{program}.leave_behind")
        assert client.error(f"{program}.sleep", timeout=0.3)["data"]["kind"] == "timeout"
    box.run("jumpbootctl", "restart", "stranger")
    workers = client.call("jumpbootd.workers")
    assert workers
    box.wait(lambda: box.run("pgrep", "--full", "sleep 600", check=False).returncode == 1,
             "what was left behind to be gone")
    assert not box.journal(PRIORITY="3")
