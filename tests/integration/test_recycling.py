# SPDX-License-Identifier: MIT
"""Workers that are replaced after a number of requests, a time, or for their memory."""
import collections
import threading

from harness import GATE_SOURCE, Client, is_gone

SOURCE = GATE_SOURCE + """
import os

kept = []

def pid():
    return os.getpid()

def pid_and_slot():
    return os.getpid(), int(os.environ["SLOT"])

def leak(megabytes):
    kept.append(b"x" * (megabytes << 20))
    return os.getpid()
"""


def program(**options):
    return {"app": {"main": {"source": SOURCE}, **options}}


class Load:
    """Clients that call, each in its thread, until stop(); none of the calls may fail."""

    def __init__(self, daemon, clients, method):
        self.daemon, self.method = daemon, method
        self.results = collections.Counter()
        self.most_workers = 0
        self._lock, self._errors, self._is_over = threading.Lock(), [], threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        try:
            with Client(self.daemon.socket_path) as client:
                while not self._is_over.is_set():
                    result = client.call(self.method)
                    with self._lock:
                        self.results[tuple(result) if isinstance(result, list) else result] += 1
        except Exception as error:  # of whatever kind: the test fails with it
            self._errors.append(error)

    def wait_for_results(self, count):
        """Until so many different results have come, with an eye on the number of workers."""

        def are_there():
            self.most_workers = max(self.most_workers, len(self.daemon.workers()))
            return self._errors or len(self.results) >= count

        try:
            self.daemon.wait_for(are_there, f"{count} different results")
        finally:
            self.stop()

    def stop(self):
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]


def test_max_requests_under_load(start_daemon):
    """Not one call fails or is lost, and never are there more than max_workers + 1."""
    daemon = start_daemon(program(min_workers=4, max_workers=4, max_requests=50,
                                  max_requests_jitter=10))
    load = Load(daemon, 8, "app.pid")
    load.wait_for_results(16)
    assert load.most_workers <= 5
    assert daemon.log_lines("retiring it: it has served")
    status = daemon.program_status("app")
    assert status["requests"] == {"ok": sum(load.results.values())}
    assert status["deaths"] == 0


def test_max_requests_counts_exactly_when_nobody_hurries(start_daemon):
    daemon = start_daemon(program(max_requests=3))
    client = daemon.connect()
    first = client.call("app.pid")
    assert client.call("app.pid") == first
    assert client.call("app.pid") == first
    daemon.wait_for(lambda: is_gone(first), "the worker to leave after three requests")
    assert client.call("app.pid") != first


def test_max_requests_leaves_a_running_request_alone(start_daemon):
    """Its replacement is there, and it still finishes what it has begun."""
    daemon = start_daemon(program(max_requests=2))
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pid", id=1)
    client.request("app.pid", id=2)
    client.request("app.pass_gate", [gate.path], id=3)
    pid = client.receive()["result"]
    assert client.receive()["result"] == pid
    daemon.wait_for(lambda: len(daemon.workers()) == 2 or is_gone(pid), "the replacement")
    gate.wait_entered()
    gate.release()
    assert client.receive()["result"] == "passed"
    daemon.wait_for(lambda: is_gone(pid), "the old one to leave")


def test_one_request_each(start_daemon):
    """max_requests 1: no two calls ever meet in one process."""
    daemon = start_daemon(program(min_workers=2, max_workers=3, max_requests=1))
    client = daemon.connect()
    pids = [client.call("app.pid") for _ in range(10)]
    for number in range(20):
        client.request("app.pid", id=f"more {number}")
    pids += [answer["result"] for answer in client.receive_by_id(20).values()]
    assert len(set(pids)) == 30
    assert not daemon.log_lines("retiring it")


def test_slots_are_kept_within_max_workers(start_daemon):
    """Each worker has a number of its own below max_workers, so the old one leaves first."""
    daemon = start_daemon(program(min_workers=3, max_workers=3, max_requests=10,
                                  env={"SLOT": "${slot}"}))
    load = Load(daemon, 4, "app.pid_and_slot")
    load.wait_for_results(9)
    assert load.most_workers <= 3
    slots = dict(load.results.keys())
    assert len(slots) == len(load.results), "a worker's number has changed"
    assert set(slots.values()) == {0, 1, 2}


def test_max_worker_memory(start_daemon):
    daemon = start_daemon(program(max_worker_memory="100M"))
    client = daemon.connect()
    first = client.call("app.leak", [10])
    assert client.call("app.leak", [1]) == first
    # It is looked at once a second at most, and after a request or while it is idle.
    client.call("app.leak", [120])
    daemon.wait_for(lambda: is_gone(first), "the large worker to leave")
    assert client.call("app.pid") != first
    [line] = daemon.log_lines("more than max_worker_memory, 100M")
    assert "of memory" in line
    assert daemon.program_status("app")["deaths"] == 0


def test_max_worker_lifetime(start_daemon):
    daemon = start_daemon(program(min_workers=2, max_workers=2, max_worker_lifetime="1s"))
    before = set(daemon.workers())
    client, most = daemon.connect(), 0

    def are_replaced():
        nonlocal most
        assert client.call("app.pid")
        most = max(most, len(daemon.workers()))
        return not before & set(daemon.workers())

    daemon.wait_for(are_replaced, "both to be replaced")
    assert most <= 3
    assert daemon.log_lines("for longer than max_worker_lifetime, 1s")
    # They go on being replaced: a daemon that never rests has no state to come back to.
    daemon.baseline = None
