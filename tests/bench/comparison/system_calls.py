# SPDX-License-Identifier: MIT
"""How many system calls the daemon makes for a call. Counted apart from the rounds: perf costs a
little, and strace, where there is no perf, so much that the daemon finds more to do at a time."""
import re
import shutil
import signal
import time

from .cases import BY_NAME
from .children import Child, Failed, set_cpus

COUNTED = re.compile(r"^(\d+),[^,]*,raw_syscalls:sys_enter,", re.MULTILINE)
TOTAL = re.compile(r"^100\.00\s+\S+\s+\S+\s+(\d+)\s(?:.*\s)?total$", re.MULTILINE)
SECONDS = 1.0


def count_with_perf(session, pid, count_calls):
    return count_with(session, ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p",
                                pid], COUNTED, count_calls)


def count_with_strace(session, pid, count_calls):
    return count_with(session, ["strace", "-f", "-c", "-p", pid], TOTAL, count_calls)


TOOLS = {"perf": count_with_perf, "strace": count_with_strace}


def count_with(session, command, pattern, count_calls):
    """Calls, and system calls while they were made."""
    folder = session.make_folder("%s-%d" % (command[0], time.monotonic_ns()))
    child = Child(command, folder / "log", session.env, folder)
    try:
        time.sleep(0.3)  # neither of them tells when it has begun to count
        calls = count_calls()
    finally:
        child.end(signal.SIGINT)
    found = pattern.search(child.log.read_text())
    if not found:
        raise Failed("%s counted nothing: %s" % (command[0], child.last_words()))
    return calls, int(found[1])


def measure_case(session, case):
    server = session.server("jumpbootd", case.workers)
    pid, workers = server.pids()
    set_cpus([pid, *workers], session.cpus(case))

    def count_calls():
        options = [*server.options(), "--connections", case.connections, "--depth", case.depth,
                   *session.load_options(case, case.work, SECONDS, 0)]
        return session.run_load(options, session.cpus(case), SECONDS)["calls"]

    for tool, count in TOOLS.items():
        if shutil.which(tool):
            try:
                calls, system_calls = count(session, pid, count_calls)
            except Failed as error:
                session.tell(str(error))
                continue
            if calls and system_calls:
                return {"calls": calls, "system_calls": system_calls, "tool": tool,
                        "per_call": system_calls / calls}
    return {}


def measure(session, names):
    """By the names of the cases; an empty one where neither tool could be used."""
    return {name: measure_case(session, BY_NAME[name]) for name in names}
