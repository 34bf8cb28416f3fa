# SPDX-License-Identifier: MIT
"""Who is measured: jumpbootd, what its users would take instead, and the limits: what even the
least that could be done costs. All serve the functions of program.py."""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

BENCH = Path(__file__).resolve().parents[1]
PYTHON = "/usr/bin/python3"  # the one that Debian's packages are for


@dataclass(frozen=True)
class Peer:
    name: str
    label: str
    # The command of a server; without one the load starts what it needs itself.
    serve: Optional[Callable] = None
    speaks: tuple = ()  # options of the load
    driver: str = ""  # a pool that Python brings is driven by peers/pools.py
    is_limit: bool = False
    version: tuple = ()  # a command that tells it, and fails if it is not there

    def family(self):
        """What it is, without the ways to use it."""
        return self.label.replace(",", "").split(" ")[0]


def configure_jumpbootd(place, workers):
    programs = {"bench": {"main": str(BENCH / "program.py"), "min_workers": workers,
                          "max_workers": workers, "max_queue_size": 100000,
                          "environment": {"python": PYTHON}}}
    (place.folder / "bench.conf").write_text(json.dumps({"programs": programs}))
    (place.folder / "jumpbootd.conf").write_text(json.dumps({
        "listen": str(place.socket), "listen_mode": "0600", "program_sets": ["bench.conf"],
        "log_level": "warning"}))
    return [place.build / "jumpbootd", "--config", place.folder / "jumpbootd.conf"]


def serve_relay(place, workers):
    return [place.build / "tests/bench/relay", place.socket, workers, PYTHON, BENCH / "worker.py"]


def serve_zeromq(place, workers):
    return [PYTHON, BENCH / "peers/zeromq.py", place.socket, workers]


def longest_backlog():
    """uWSGI does not start if it asks for more."""
    return int(Path("/proc/sys/net/core/somaxconn").read_text())


def uwsgi(option):
    return lambda place, workers: [
        "uwsgi", "--plugin", "python3", option, place.socket, "--wsgi-file",
        BENCH / "peers/wsgi.py", "--processes", workers, "--master", "--need-app",
        "--disable-logging", "--die-on-term", "--listen", min(1024, longest_backlog())]


def gunicorn(*options):
    return lambda place, workers: [
        "gunicorn", "--bind", "unix:%s" % place.socket, "--workers", workers, "--log-level",
        "warning", "--timeout", 0, "--worker-tmp-dir", place.folder, *options,
        "peers.wsgi:application"]


def uvicorn(application):
    return lambda place, workers: [
        "uvicorn", "--uds", place.socket, "--workers", workers, "--loop", "uvloop", "--http",
        "httptools", "--no-access-log", "--log-level", "warning", "--lifespan", "off",
        "--timeout-keep-alive", 75, "peers.asgi:" + application]


def module_version(*modules):
    """Fails if one of them is missing."""
    return (PYTHON, "-c", "import %s; print(%s.__version__)" % (", ".join(modules), modules[0]))


HTTP = ("--http",)
CLOSE = ("--http", "--close")
UVICORN = module_version("uvicorn", "uvloop", "httptools")
GUNICORN = module_version("gunicorn")

PEERS = (
    Peer("jumpbootd", "jumpbootd", configure_jumpbootd),
    Peer("pipes", "pipes, nothing between (limit)", is_limit=True),
    Peer("relay", "minimal relay (limit)", serve_relay, is_limit=True),
    Peer("uwsgi", "uWSGI, keep-alive", uwsgi("--http11-socket"), HTTP,
         version=("uwsgi", "--version")),
    Peer("uwsgi-close", "uWSGI", uwsgi("--http-socket"), CLOSE,
         version=("uwsgi", "--version")),
    Peer("uvicorn", "uvicorn, uvloop", uvicorn("application"), HTTP, version=UVICORN),
    Peer("uvicorn-threads", "uvicorn, uvloop, threads", uvicorn("in_threads"), HTTP,
         version=UVICORN),
    Peer("gunicorn-gthread", "gunicorn gthread",
         gunicorn("--worker-class", "gthread", "--threads", 8, "--keep-alive", 75), HTTP,
         version=GUNICORN),
    Peer("gunicorn-sync", "gunicorn sync", gunicorn("--worker-class", "sync"), CLOSE,
         version=GUNICORN),
    Peer("zeromq", "ZeroMQ proxy", serve_zeromq, ("--zeromq",), version=module_version("zmq")),
    Peer("executor", "ProcessPoolExecutor", driver="executor"),
    Peer("pool", "multiprocessing.Pool", driver="pool"),
)
BY_NAME = {each.name: each for each in PEERS}
