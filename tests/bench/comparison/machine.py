# SPDX-License-Identifier: MIT
"""What the bench ran on, and who else was busy there."""
import os
import platform
import re
import subprocess
from pathlib import Path

from . import peers


def read_machine():
    cpus = len(os.sched_getaffinity(0))
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", info, re.MULTILINE)
    is_virtual = bool(re.search(r"^flags\s*:.*\bhypervisor\b", info, re.MULTILINE))
    return {"cpus": cpus, "virtual": is_virtual, "processor": model[1] if model else "unknown",
            "system": read_system(), "kernel": "Linux " + ".".join(
                re.findall(r"\d+", platform.release())[:2])}


def read_system():
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return "unknown"
    name = re.search(r'^PRETTY_NAME="?([^"\n]*)', text, re.MULTILINE)
    return name[1] if name else "unknown"


def describe(machine):
    """In words, such as: a 2-core virtual machine."""
    return "a %d-core %smachine" % (machine["cpus"], "virtual " if machine["virtual"] else "")


def version_of(command, env=None):
    """None: it cannot be run."""
    try:
        done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30, env=env)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split()
    return words[-1] if done.returncode == 0 and words else None


def read_versions(build, names):
    """Those of jumpbootd, Python and the peers; None for those that are not there."""
    found = {"jumpbootd": version_of([Path(build) / "jumpbootd", "--version"]),
             "Python": version_of([peers.PYTHON, "--version"])}
    for name in names:
        if peers.BY_NAME[name].version:
            found[name] = version_of(peers.BY_NAME[name].version)
    return found


def is_quiet(watched):
    """Whether what a Watch saw leaves figures that mean something."""
    return watched["load_at_first"] < 0.5 and watched.get("stolen", 0) <= 0.02


class Watch:
    """How much of the CPUs' time the hypervisor took away, and how busy they were at first."""

    def __init__(self):
        self._load = round(os.getloadavg()[0], 2)
        self._begin = self._read()

    @staticmethod
    def _read():
        return [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]

    def end(self):
        passed = [end - begin for begin, end in zip(self._begin, self._read())]
        return {"load_at_first": self._load,
                "stolen": round(passed[7] / max(1, sum(passed)), 4)}
