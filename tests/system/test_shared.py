# SPDX-License-Identifier: MIT
"""What programs share, open and listen on, under all that the unit keeps from them."""
import socket

import pytest
from dap import DapClient, free_port, no_debugpy
from test_drop_ins import use

SHARING = """
import mmap, os, sys
import jumpboot

state, journal = sys.extra_file_descriptors

def count():
    with jumpboot.NamedSemaphore("jumpboot-system-test", 1) as lock:
        memory = jumpboot.SharedMemory("jumpboot-system-test", 1)
        memory.buffer[0] += 1
        return memory.buffer[0]

def keep(text=None):
    with mmap.mmap(state, 0) as area:
        if text:
            area[:len(text)] = text.encode()
        return area[:].rstrip(b"\\0").decode()

def write(text):
    return os.write(journal, text.encode())
"""

DEBUGGED = """
def add(a, b):
    return a + b
"""


def test_memory_semaphores_and_files(box):
    """Without memory that is written and executed, and without a file system that is theirs."""
    path = "/var/lib/jumpbootd/programs/journal"
    files = ["memfd:4K", {"path": path, "mode": "a"}]
    box.programs("share", {"programs": {"share": {
        "main": "share.py", "extra_files": files, "max_requests": 1}}}, share=SHARING)
    box.systemctl("start", "jumpbootd")
    assert [box.call("share.count") for _ in range(3)] == [1, 2, 3]
    box.call("share.keep", ["kept"])
    assert box.call("share.keep") == "kept"
    for _ in range(2):
        box.call("share.write", ["line\n"])
    assert box.read(path) == "line\nline\n"
    box.systemctl("stop", "jumpbootd")
    box.wait(lambda: not box.exists("/dev/shm/jumpboot-system-test"), "RemoveIPC to have its way")


def test_files_that_the_unit_keeps_from_programs(box):
    """It is told when the config is loaded, and where."""
    box.run("install", "-d", "-o", "jumpboot", "/srv/share")
    box.programs("share", {"programs": {"share": {
        "main": "share.py", "extra_files": ["memfd:4K", {"path": "/srv/share/log", "mode": "a"}]}}},
        share=SHARING)
    assert box.systemctl("start", "jumpbootd", check=False).returncode != 0
    assert box.show("ExecMainStatus") == "78"
    assert box.wait_journal("cannot open /srv/share/log for appending: Read-only file system")


def connect(box, port):
    """A connection to a port of the box, which has a network of its own."""
    ours, theirs = socket.socketpair()
    with theirs:
        box.popen("socat", "-", f"TCP:127.0.0.1:{port}", stdin=theirs, stdout=theirs)
    return ours


@pytest.mark.skipif(no_debugpy, reason="there is no debugpy (python3-debugpy)")
def test_debugger(box):
    """There is no network to reach it through, unless network.conf gives one."""
    port = free_port()
    box.configure({"program_sets": ["programs.d/*.conf"], "allow_debug": True})
    box.programs("app", {"programs": {"app": {"main": "app.py", "debug_port": port}}},
                 app=DEBUGGED)
    box.systemctl("start", "jumpbootd")
    assert box.wait_journal(f"debugpy cannot listen on port {port} of 127.0.0.1 (debug_port): ")
    use(box, "network")
    status = box.connect()
    box.wait(lambda: status.call("jumpbootd.status")["programs"]["app"].get("waits_for"),
             "the worker to wait")
    client = box.connect()
    client.request("app.add", [1, 2])
    with DapClient(connection=connect(box, port)) as debugger:
        debugger.attach({"/etc/jumpbootd/programs.d/app.py": [2]})
        reason, frames = debugger.stopped()
        assert (reason, debugger.variables(frames[0])) == ("breakpoint", {"a": "1", "b": "2"})
        debugger.go_on()
        assert client.receive()["result"] == 3
