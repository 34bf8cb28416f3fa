# SPDX-License-Identifier: MIT
"""A run of the bench: its servers, which all stay up until it ends, and single measurements."""
import json
import os
import random
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import peers
from .children import Child, Failed, process_tree, run_tool, set_cpus

PATIENCE = 20  # seconds that a measurement may take beyond what it should
FAILURES_MAX = 3  # measurements of a peer that may fail before it is left out


@dataclass(frozen=True)
class Place:
    """Where a server lives."""
    folder: Path
    socket: Path
    build: Path


class Server:
    def __init__(self, peer, place, workers, env):
        self._peer = peer
        self.socket = place.socket
        begin = time.monotonic()
        self._child = Child(peer.serve(place, workers), place.folder / "log", env, place.folder)
        try:
            self._child.wait_for(place.socket.exists, "it listened")
            self._child.wait_for(lambda: self._answers(place.build), "it answered")
        except BaseException:
            self.end()
            raise
        self.started_in = time.monotonic() - begin

    def _answers(self, build):
        try:
            out, _ = run_tool([build / "tests/bench/load", *self.options(), "--warm-up", "0",
                               "--duration", "20ms"], os.sched_getaffinity(0), PATIENCE)
        except Failed:
            return False
        report = json.loads(out)
        return report["calls"] > 0 and report["failures"] == 0

    def options(self):
        """What the load needs to reach it."""
        return ["--socket", self.socket, *self._peer.speaks]

    def pids(self):
        """Its own, and those below it."""
        pid, *others = process_tree(self._child.pid)
        return pid, others

    def last_words(self):
        return self._child.last_words()

    def end(self):
        self._child.end()


class Session:
    """To be used with `with`: at its end, however that comes, everything that it started ends."""

    def __init__(self, build, tell, scale=1.0):
        self.build = Path(build)
        self.tell = tell
        self.left_out = {}  # peer: reason
        self._failed = {}  # peer: how often
        self.started_in = {}
        self.all_cpus = os.sched_getaffinity(0)
        self._one_cpu = {max(self.all_cpus)}
        self._scale = scale
        self._servers = {}
        self._folder = None
        self.env = {**os.environ, "PYTHONPATH": str(peers.BENCH), "PYTHONDONTWRITEBYTECODE": "1"}

    def __enter__(self):
        self._folder = Path(tempfile.mkdtemp(prefix="bench-"))
        return self

    def __exit__(self, *_):
        for server in self._servers.values():
            server.end()
        self._servers = {}
        shutil.rmtree(self._folder, ignore_errors=True)

    def make_folder(self, name):
        folder = self._folder / name
        folder.mkdir()
        return folder

    def start(self, peer, workers):
        """A server; one that cannot be started is left out from here on, in all cases."""
        folder = self.make_folder("%s-%d" % (peer.name, workers))
        place = Place(folder, folder / "socket", self.build)
        try:
            server = Server(peer, place, workers, self.env)
        except (Failed, OSError) as error:
            self.leave_out(peer.name, "it could not be started: %s" % error)
            return
        self._servers[peer.name, workers] = server
        self.started_in.setdefault(peer.name, server.started_in)

    def leave_out(self, name, reason):
        self.left_out[name] = reason
        self.tell("%s is left out: %s" % (name, reason))

    def note_failure(self, name, error):
        """One that hangs costs so many times our patience, and not that of all rounds."""
        self._failed[name] = self._failed.get(name, 0) + 1
        if self._failed[name] == FAILURES_MAX:
            self.leave_out(name, "it failed %d times, at last: %s" % (FAILURES_MAX, error))

    def start_servers(self, chosen):
        wanted = {(name, case.workers): None for case in chosen for name in case.peers}
        for name, workers in wanted:
            if peers.BY_NAME[name].serve and name not in self.left_out:
                self.start(peers.BY_NAME[name], workers)

    def server(self, name, workers):
        return self._servers[name, workers]

    def cpus(self, case):
        return self._one_cpu if case.pinned else self.all_cpus

    def seconds(self, case):
        return case.seconds * self._scale

    def load_options(self, case, work, seconds, warm_up):
        return ["--work", work, "--warm-up", "%dus" % (warm_up * 1e6),
                "--duration", "%dus" % (seconds * 1e6)]

    def run_load(self, options, cpus, seconds):
        out, _ = run_tool([self.build / "tests/bench/load", *options], cpus, seconds + PATIENCE,
                          self.env)
        return json.loads(out)

    def measure(self, name, case):
        """What came of a measurement, as the load tells it."""
        peer = peers.BY_NAME[name]
        if peer.serve:
            return self._measure_server(self.server(name, case.workers), case)
        if peer.driver:
            return self._measure_pool(peer, case)
        return self._measure_pipes(case)

    def _measure_server(self, server, case):
        pid, workers = server.pids()
        cpus, seconds = self.cpus(case), self.seconds(case)
        set_cpus([pid, *workers], cpus)
        small = [*server.options(), "--connections", case.connections, "--depth", case.depth,
                 "--cpu", "server=%d" % pid]
        if workers:
            small += ["--cpu", "workers=%s" % ",".join(map(str, workers))]
        small += self.load_options(case, case.work, seconds, 0.1)
        report = self.run_load(small, cpus, seconds)
        if case.beside:
            report = {"alone": report, **self._measure_beside(server, case, small)}
        return report

    def _measure_beside(self, server, case, small):
        """The same once more, while another client keeps the server busy; his calls have begun
        before, and go on until after it."""
        seconds = self.seconds(case)
        large = [*server.options(),
                 *self.load_options(case, case.beside, seconds + 0.6, 0.1)]
        log = self._folder / "beside"
        log.write_bytes(b"")
        beside = Child([self.build / "tests/bench/load", *large], log, self.env)
        try:
            time.sleep(0.2)
            report = self.run_load(small, self.cpus(case), seconds)
            beside.wait_for(lambda: not beside.is_alive(), "it was over")
        finally:
            beside.end()
        try:
            return {**report, "beside": json.loads(log.read_text())}
        except ValueError:
            raise Failed("the large calls failed: %s" % beside.last_words()) from None

    def _measure_pool(self, peer, case):
        seconds = self.seconds(case)
        out, _ = run_tool(
            [peers.PYTHON, peers.BENCH / "peers/pools.py", "--kind", peer.driver, "--workers",
             case.workers, "--work", case.work, "--outstanding", case.connections * case.depth,
             "--warm-up", 0.1, "--duration", seconds], self.cpus(case), seconds + PATIENCE,
            self.env)
        return json.loads(out)

    def _measure_pipes(self, case):
        connections, depth = case.pipes
        seconds = self.seconds(case)
        options = ["--connections", connections, "--depth", depth,
                   *self.load_options(case, case.work, seconds, 0.1), "--pipes", peers.PYTHON,
                   peers.BENCH / "worker.py"]
        return self.run_load(options, self.cpus(case), seconds)


def run_rounds(session, chosen, count, random_state=None):
    """Each round measures everything once, in an order of its own: case by case, so that those who
    are compared come one right after the other."""
    state = random_state or random.Random()
    rounds = []
    for number in range(count):
        begin = time.monotonic()
        samples = {}
        for case in state.sample(chosen, len(chosen)):
            names = [name for name in case.peers if name not in session.left_out]
            samples[case.name] = {name: take_sample(session, name, case)
                                  for name in state.sample(names, len(names))}
        rounds.append(samples)
        session.tell("round %d of %d: %.0f s" % (number + 1, count, time.monotonic() - begin))
    return rounds


def take_sample(session, name, case):
    try:
        return session.measure(name, case)
    except Failed as error:
        session.tell("%s, %s: %s" % (name, case.title, error))
        session.note_failure(name, error)
        return {"error": str(error)}
