# SPDX-License-Identifier: MIT
"""The units as systemd judges them, and what they give to the daemon and its workers."""
import json
import re
import stat

import pytest
from programs import ADD, install_calc

# What jumpbootd.service is worth without anything opened. It has less; 10 is a service without any
# protection.
EXPOSURE_MAX = 2.0
UNITS = ("jumpbootd.service", "jumpbootd.socket")

LOOK_AROUND = """
import os, resource

def limits():
    return resource.getrlimit(resource.RLIMIT_NOFILE)

def identity():
    return [os.getuid(), os.getgid(), os.getgroups()]

def status():
    with open("/proc/self/status") as file:
        return dict(line.rstrip().split(":\\t", 1) for line in file)
"""


def look_around(box, **options):
    box.programs("look", {"programs": {"look": {"main": "look.py", **options}}}, look=LOOK_AROUND)
    box.systemctl("start", "jumpbootd")


def test_verify_finds_nothing(box):
    done = box.run("systemd-analyze", "verify", *UNITS)
    assert (done.stdout, done.stderr) == ("", "")


def test_exposure(box):
    text = box.run("systemd-analyze", "security", "--json=short", "jumpbootd.service").stdout
    assert json.loads(text)
    box.run("systemd-analyze", "security", f"--threshold={EXPOSURE_MAX * 10:.0f}",
            "jumpbootd.service")


@pytest.mark.parametrize("start_method", ["spawn", "forkserver"])
def test_workers_have_the_usual_limit_of_files(box, start_method):
    """The daemon's own is higher: it has a descriptor for each client."""
    look_around(box, start_method=start_method)
    soft, hard = box.call("look.limits")
    assert soft == 1024
    assert hard > 2 * soft
    limits = box.read(f"/proc/{box.show('MainPID')}/limits")
    assert re.search(rf"^Max open files +{hard} +{hard} ", limits, re.MULTILINE), limits


def test_workers_may_nothing(box):
    look_around(box)
    uid, gid = box.user_id("jumpboot"), box.group_id("jumpboot")
    assert box.call("look.identity") == [uid, gid, [gid]]
    status = box.call("look.status")
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} \
        == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_folders(box):
    """Settings are root's, what programs write is jumpboot's."""
    install_calc(box)
    box.systemctl("start", "jumpbootd")
    jumpboot = (box.user_id("jumpboot"), box.group_id("jumpboot"))
    expected = {
        "/etc/jumpbootd": (0, 0, 0o755),
        "/etc/jumpbootd/programs.d": (0, 0, 0o755),
        "/run/jumpbootd": (0, 0, 0o755),
        "/run/jumpbootd/programs": (*jumpboot, 0o755),
        "/var/lib/jumpbootd": (0, 0, 0o755),
        "/var/lib/jumpbootd/programs": (*jumpboot, 0o750),
    }
    for path, what in expected.items():
        found = box.stat(path)
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == what, path


def test_programs_may_write_there_alone(box):
    box.programs("write", {"programs": {"write": {"main": "write.py"}}}, write="""
        import os

        def to(folder):
            path = os.path.join(folder, "written")
            with open(path, "w") as file:
                file.write("x")
            return os.stat(path).st_mode & 0o777
    """)
    box.systemctl("start", "jumpbootd")
    for folder in ("/run/jumpbootd/programs", "/var/lib/jumpbootd/programs", "/tmp", "/dev/shm"):
        assert box.call("write.to", [folder]) == 0o600
    # Shared memory is shared with callers, /tmp is not.
    assert box.exists("/dev/shm/written")
    assert not box.exists("/tmp/written")
    for folder in ("/run/jumpbootd", "/var/lib/jumpbootd", "/etc/jumpbootd", "/", "/usr", "/home"):
        error = box.error("write.to", [folder])
        assert error["data"]["exception"] in ("PermissionError", "OSError"), folder


def test_what_programs_keep_outlives_a_stop(box):
    install_calc(box)
    box.systemctl("start", "jumpbootd")
    for folder in ("/run/jumpbootd/programs", "/var/lib/jumpbootd/programs"):
        box.run("touch", f"{folder}/kept", user="jumpboot")
    box.systemctl("stop", "jumpbootd.service")
    assert box.exists("/run/jumpbootd/programs/kept")
    assert box.exists("/var/lib/jumpbootd/programs/kept")


def test_a_forkserver_works(box):
    box.programs("calc", {"programs": {"calc": {"main": "calc.py", "start_method": "forkserver"}}},
                 calc=ADD)
    box.systemctl("start", "jumpbootd")
    assert box.call("calc.add", [1, 2]) == 3


def test_numpy_works(box):
    for method in ("spawn", "forkserver"):
        box.programs(method, {"programs": {method: {"main": "n.py", "start_method": method}}}, n="""
            import ctypes

            import numpy

            def dot(n):
                return int((numpy.ones((n, n)) @ numpy.ones((n, n))).sum())

            def sort_by_callback(values):
                function = ctypes.CFUNCTYPE(
                    ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int)
                )
                array = (ctypes.c_int * len(values))(*values)
                ctypes.CDLL(None).qsort(
                    array, len(values), ctypes.sizeof(ctypes.c_int), function(lambda a, b: a[0] - b[0])
                )
                return list(array)
        """)
    box.systemctl("start", "jumpbootd")
    for method in ("spawn", "forkserver"):
        assert box.call(f"{method}.dot", [200]) == 200 ** 3
        assert box.call(f"{method}.sort_by_callback", [[3, 1, 2]]) == [1, 2, 3]


def test_the_examples_work(box):
    """As they are installed."""
    examples = "/usr/share/doc/jumpbootd/examples"
    box.configure({"program_sets": [f"{examples}/*.conf"]})
    box.systemctl("start", "jumpbootd")
    assert box.call("calc.add", {"a": 1, "b": 2}) == 3
    text = "/usr/share/doc/jumpbootd/README.md"
    assert box.call("text.summary", {"path": text}) == json.loads(
        box.run("python3", f"{examples}/textstat/cold.py", text).stdout
    )


def test_a_deadline_and_a_death_under_the_protection(box):
    """Signals, /proc and memory that is shared with workers do what they do elsewhere."""
    box.programs("ends", {"programs": {"ends": {"main": "ends.py"}}}, ends="""
        import os, signal, time

        def sleep():
            time.sleep(600)

        def die():
            os.kill(os.getpid(), signal.SIGKILL)

        def leave_behind():
            return os.spawnlp(os.P_NOWAIT, "setsid", "setsid", "sleep", "600")
    """)
    box.systemctl("start", "jumpbootd")
    client = box.connect()
    assert client.error("ends.sleep", timeout=0.2)["data"]["kind"] == "timeout"
    died = client.error("ends.die")["data"]
    assert (died["kind"], died["signal"]) == ("worker_died", "SIGKILL")
    left = client.call("ends.leave_behind")
    # Until it has executed setsid, it has its worker's command line.
    box.wait(lambda: box.run("pgrep", "--full", "sleep 600", check=False).returncode == 0,
             f"process {left} to be there")
    box.run("jumpbootctl", "restart", "ends")
    box.wait(lambda: box.run("pgrep", "--full", "sleep 600", check=False).returncode == 1,
             f"process {left} to be gone")
