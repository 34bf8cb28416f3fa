# SPDX-License-Identifier: MIT
"""How long workers take until they are ready, and how much memory they have of their own. Each
worker serves one call and is replaced; the daemon's log tells when the next one is ready."""
import json
import re
import socket
import time

from . import peers
from .children import Child, Failed, run_tool

READY = re.compile(r"^(?:info|debug): ([\w-]+)\[(\d+)\]: ready after ([\d.]+) ms$", re.MULTILINE)
PRIVATE = re.compile(r"^Private_Dirty:\s+(\d+) kB$", re.MULTILINE)
SOURCE = "def add(a, b):\n    return a + b\n"
KINDS = {  # the program's name, what is imported, how its workers start
    "spawned": ("spawned", "", "spawn"),
    "spawned, numpy": ("spawned-numpy", "import numpy\n", "spawn"),
    "forked": ("forked", "", "forkserver"),
    "forked, numpy": ("forked-numpy", "import numpy\n", "forkserver"),
}
PATIENCE = 30.0


def write_config(folder, path, kinds):
    programs = {name: {"main": {"source": imports + SOURCE}, "start_method": method,
                       "min_workers": 1, "max_workers": 1, "max_requests": 1,
                       "environment": {"python": peers.PYTHON}}
                for name, imports, method in (KINDS[kind] for kind in kinds)}
    (folder / "programs.conf").write_text(json.dumps({"programs": programs}))
    (folder / "jumpbootd.conf").write_text(json.dumps({
        "listen": str(path), "listen_mode": "0600", "program_sets": ["programs.conf"],
        "log_level": "debug"}))
    return folder / "jumpbootd.conf"


def own_memory(pid):
    """What the process has written to and shares with nobody, in MB; None: it has ended."""
    try:
        with open("/proc/%s/smaps_rollup" % pid) as file:
            return int(PRIVATE.search(file.read())[1]) / 1024
    except OSError:
        return None


class Calls:
    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(str(path))
        self._answers = self._socket.makefile("rb")

    def call(self, program):
        self._socket.sendall(b'{"jsonrpc":"2.0","id":1,"method":"%s.add","params":[1,2]}\n'
                             % program.encode())
        answer = json.loads(self._answers.readline() or b"{}")
        if answer.get("result") != 3:
            raise Failed("%s gave no answer: %s" % (program, answer))

    def close(self):
        self._answers.close()
        self._socket.close()


def read_ready(log, program):
    """The pid and the milliseconds of each of its workers so far."""
    return [(pid, float(ms)) for name, pid, ms in READY.findall(log.read_text())
            if name == program]


def wait_ready(child, program, count):
    child.wait_for(lambda: len(read_ready(child.log, program)) >= count,
                   "worker %d of %s was ready" % (count, program))
    return read_ready(child.log, program)[count - 1]


def measure_kind(child, calls, program, count):
    """The first worker is left out: a template has to start before it."""
    wait_ready(child, program, 1)
    ready, own = [], []
    for number in range(count):
        calls.call(program)
        pid, ms = wait_ready(child, program, number + 2)
        ready.append(ms)
        memory = own_memory(pid)
        if memory is not None:
            own.append(memory)
    return {"ready_ms": ready, "own_mb": own}


def can_import(module):
    try:
        run_tool([peers.PYTHON, "-c", "import " + module], {0}, PATIENCE)
    except (Failed, OSError):
        return False
    return True


def measure_cold(session, code, count):
    """A Python that is started for it, as a caller without a daemon would do it."""
    taken = []
    for _ in range(count):
        begin = time.perf_counter()
        run_tool([peers.PYTHON, "-c", code], session.all_cpus, PATIENCE)
        taken.append((time.perf_counter() - begin) * 1000)
    return {"ready_ms": taken, "own_mb": []}


def measure(session, count):
    kinds = [kind for kind in KINDS if "numpy" not in kind or can_import("numpy")]
    folder = session.make_folder("start-up")
    path = folder / "socket"
    child = Child([session.build / "jumpbootd", "--config",
                   write_config(folder, path, kinds)], folder / "log", session.env, folder)
    found = {}
    try:
        child.wait_for(path.exists, "it listened")
        for kind in kinds:
            calls = Calls(path)
            try:
                found[kind] = measure_kind(child, calls, KINDS[kind][0], count)
            finally:
                calls.close()
    finally:
        child.end()
    for kind in kinds:
        if KINDS[kind][2] == "spawn":
            found[kind.replace("spawned", "python3 -c")] = measure_cold(
                session, KINDS[kind][1] or "pass", count)
    return found
