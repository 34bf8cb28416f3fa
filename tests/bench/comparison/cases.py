# SPDX-License-Identifier: MIT
"""What is measured: the work, how many ask for it, and where."""
from dataclasses import dataclass, replace

ALL = ("jumpbootd", "pipes", "relay", "uwsgi", "uwsgi-close", "uvicorn", "uvicorn-threads",
       "gunicorn-gthread", "gunicorn-sync", "zeromq", "executor", "pool")
SERVERS = tuple(name for name in ALL if name != "pipes")
# Those that take more than one call at a time from one connection.
DEEP = ("jumpbootd", "relay", "zeromq", "executor", "pool")
FEW = ("jumpbootd", "relay", "uwsgi", "uwsgi-close", "uvicorn", "zeromq")


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    work: str
    peers: tuple
    connections: int = 1
    depth: int = 1
    workers: int = 1
    pinned: bool = False
    seconds: float = 0.3
    pipes: tuple = (1, 1)  # workers that pipes lead to, and calls under way on each
    beside: str = ""  # other work, which another client asks for all the time


def plural(n, word):
    return "%d %s%s" % (n, word, "" if n == 1 else "s")


def title_of(work, connections, depth, workers, pinned):
    return ", ".join([work.replace(":", " "), plural(connections, "connection"),
                      "depth %d" % depth, plural(workers, "worker"),
                      "one CPU" if pinned else "free"])


def case(work, connections=1, depth=1, workers=1, pinned=False, peers=SERVERS, **more):
    name = "%s c%d d%d w%d %s" % (work, connections, depth, workers,
                                  "pinned" if pinned else "free")
    return Case(name=name, title=title_of(work, connections, depth, workers, pinned), work=work,
                peers=tuple(peers), connections=connections, depth=depth, workers=workers,
                pinned=pinned, **more)


def mixed(beside, peers, **more):
    """Small calls while somebody else asks for something large, and before that without him."""
    base = case("add", 8, 1, 2, peers=peers, seconds=0.6)
    return replace(base, name="%s beside %s" % (base.name, beside), beside=beside,
                   title="%s, while a client has %s under way all the time"
                         % (base.title, beside.replace(":", " ")), **more)


def with_peers(case, names):
    """The case with those of its peers only that are among the names."""
    return replace(case, peers=tuple(name for name in case.peers if name in names))


def with_pipes(peers):
    return ("pipes", *peers)


CASES = (
    case("add", 1, 1, 1, True, ALL),
    case("add", 1, 16, 1, True, with_pipes(DEEP), pipes=(1, 16)),
    case("add", 8, 1, 1, True),
    case("add", 8, 16, 1, True, with_pipes(DEEP), pipes=(1, 16)),
    case("add", 64, 1, 1, True),
    case("add", 64, 16, 1, True, DEEP),
    case("add", 64, 1, 2, True, FEW),
    case("add", 1, 1, 1, False, ALL),
    case("add", 8, 1, 1, False),
    case("add", 8, 16, 1, False, with_pipes(DEEP), pipes=(1, 16)),
    case("add", 64, 1, 1, False),
    case("add", 8, 1, 2, False),
    case("add", 8, 16, 2, False, with_pipes(DEEP), pipes=(2, 16)),
    case("add", 64, 1, 2, False),
    case("add", 64, 16, 2, False, DEEP),
    case("echo:1K", 1, 1, 1, True, ALL),
    case("echo:100K", 1, 1, 1, True, ALL),
    case("echo:1M", 1, 1, 1, True, ALL, seconds=0.4),
    case("echo:10M", 1, 1, 1, True, ALL, seconds=0.8),
    case("echo:1K", 1, 1, 1, False, with_pipes(FEW)),
    case("echo:100K", 1, 1, 1, False, with_pipes(FEW)),
    case("echo:1M", 1, 1, 1, False, with_pipes(FEW), seconds=0.4),
    case("echo:10M", 1, 1, 1, False, with_pipes(FEW), seconds=0.8),
    mixed("echo:10M", FEW),
    case("burn:300us", 8, 1, 2, False, ALL, pipes=(2, 4)),
    # As many calls under way in all, so that they wait alike.
    case("burn:1ms", 8, 1, 2, False, ALL, seconds=0.5, pipes=(2, 4)),
    case("burn:1ms", 2, 1, 2, False, ALL, seconds=0.5, pipes=(2, 1)),
    case("burn:1ms", 8, 1, 1, True, ALL, seconds=0.5, pipes=(1, 8)),
    case("burn:10ms", 8, 1, 2, False, ALL, seconds=0.8, pipes=(2, 4)),
)
BY_NAME = {each.name: each for each in CASES}
