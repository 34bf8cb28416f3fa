# SPDX-License-Identifier: MIT
"""A worker that the kernel kills for memory, in a memory control group of the test's own."""
import contextlib
import os
import signal
from pathlib import Path

import pytest

PROGRAM = """
import os, signal

def grow():
    hoard = []
    while True:
        hoard.append(bytearray(os.urandom(4096) * 256))

def raise_it():
    return bytearray(1 << 60)

def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)

def ok():
    return "ok"
"""

LIMIT = 200 << 20


@pytest.fixture
def group():
    """A control group of 200 MB, version 2 or 1."""
    for root, limit in (("/sys/fs/cgroup", "memory.max"),
                        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
        folder = Path(root) / f"jumpbootd-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            if (folder / limit).exists():
                (folder / limit).write_text(str(LIMIT))
                with contextlib.suppress(OSError):  # without swap it is there soon
                    (folder / "memory.swap.max").write_text("0")
                yield folder
                return
        except OSError:
            continue
        finally:
            folder.rmdir()
    pytest.skip("no memory control group can be made here")


def test_killed_for_memory(group, start_daemon):
    def enter():
        (group / "cgroup.procs").write_text(str(os.getpid()))

    daemon = start_daemon({"app": {"main": {"source": PROGRAM}, "restart_threshold": 1000}},
                          preexec=enter)
    data = daemon.error("app.grow")["data"]
    assert (data["signal"], data["out_of_memory"]) == ("SIGKILL", True)
    daemon.wait_log("was killed for memory (SIGKILL by the kernel)")
    data = daemon.error("app.kill_self")["data"]
    assert (data["signal"], data["out_of_memory"]) == ("SIGKILL", False)
    assert daemon.program_status("app")["death_causes"]["memory"] == 1
    daemon.terminate()
    assert daemon.wait_end() == 0


def test_not_for_memory(start_daemon):
    daemon = start_daemon({"app": {"main": {"source": PROGRAM}, "restart_threshold": 1000}})
    error = daemon.error("app.raise_it")
    assert (error["code"], error["data"]["exception"]) == (-32000, "MemoryError")
    data = daemon.error("app.kill_self")["data"]
    assert data["signal"] == "SIGKILL"
    assert not data.get("out_of_memory", False)
    (pid,) = daemon.wait_worker_count(1)
    os.kill(pid, signal.SIGTERM)
    assert daemon.call("app.ok") == "ok"
