# SPDX-License-Identifier: MIT
"""What jumpbootd wants to reach, and whether it did in a run."""
from dataclasses import dataclass
from typing import Optional

from . import cases, figures, peers

ALONE_C1 = "add c1 d1 w1 pinned"
ONE_CPU_C64 = "add c64 d1 w1 pinned"
ONE_CPU_DEEP = "add c8 d16 w1 pinned"
FREE_C8 = "add c8 d1 w1 free"
FREE_C64 = "add c64 d1 w1 free"
FREE_2_C64 = "add c64 d1 w2 free"
BURN_1MS = "burn:1ms c8 d1 w2 free"
BESIDE = "add c8 d1 w2 free beside echo:10M"
UWSGI = ("uwsgi", "uwsgi-close")
EVERY_PEER = tuple(peer.name for peer in peers.PEERS
                   if peer.name != "jumpbootd" and not peer.is_limit)


def label_of(name):
    return peers.BY_NAME[name].label


@dataclass(frozen=True)
class Ratio:
    """Of jumpbootd's metric to the best one of the others."""
    case: str
    against: tuple
    metric: str = "rate"
    starves: bool = True  # those count too that leave connections without an answer

    def values(self, results):
        return figures.ratios(results["rounds"], self.case, "jumpbootd", self.against, self.metric,
                              self.starves)

    def needs(self):
        return {self.case: ("jumpbootd", *self.against)}

    def remark(self, results):
        if len(self.against) == 1:
            return ""
        best = figures.usual_best(results["rounds"], self.case, self.against, self.metric,
                                  self.starves)
        return "the best of them: %s" % label_of(best) if best else ""


@dataclass(frozen=True)
class Growth:
    """Of a metric beside other work to the same alone."""
    case: str
    metric: str

    def values(self, results):
        found = []
        for samples in results["rounds"]:
            sample = figures.sample_of(samples, self.case, "jumpbootd")
            alone = figures.value_of(sample.get("alone"), self.metric) if sample else None
            beside = figures.value_of(sample, self.metric)
            found.append(beside / alone if alone and beside is not None else None)
        return found

    def needs(self):
        return {self.case: ("jumpbootd",)}

    def remark(self, results):
        return ""


@dataclass(frozen=True)
class Amount:
    """What jumpbootd took of something for a call."""
    case: str
    metric: str

    def values(self, results):
        return figures.values(results["rounds"], self.case, "jumpbootd", self.metric)

    def needs(self):
        return {self.case: ("jumpbootd", "relay")}

    def remark(self, results):
        relay = figures.figure_of(figures.values(results["rounds"], self.case, "relay",
                                                 self.metric))
        return "the minimal relay takes %.2g" % relay.median if relay else ""


@dataclass(frozen=True)
class SystemCalls:
    """The connections' beginning and end count along: that does not reach the second place."""
    case: str

    def values(self, results):
        counted = results.get("system_calls", {}).get(self.case)
        return [round(counted["per_call"], 2)] if counted else []

    def needs(self):
        return {self.case: ("jumpbootd",)}

    def remark(self, results):
        tool = results.get("system_calls", {}).get(self.case, {}).get("tool")
        return "counted by %s" % tool if tool else ""


@dataclass(frozen=True)
class Counted:
    """By how much the daemon's instructions for a call grow: tests/bench/count has counted that."""
    growth: str

    def values(self, results):
        return [results.get("growth", {}).get(self.growth)]

    def needs(self):
        return {}

    def remark(self, results):
        return "counted by tests/bench/count, as HACKING.md has it"


@dataclass(frozen=True)
class StartUp:
    kind: str
    metric: str

    def values(self, results):
        return results.get("start_up", {}).get(self.kind, {}).get(self.metric, [])

    def needs(self):
        return {}

    def remark(self, results):
        return ""


@dataclass(frozen=True)
class Goal:
    title: str
    what: object
    at_least: Optional[float] = None
    at_most: Optional[float] = None
    unit: str = ""

    def bound(self):
        return self.at_least if self.at_least is not None else self.at_most


def title(case, what):
    return "%s: %s" % (cases.BY_NAME[case].title, what)


def faster(case, times, *against, **more):
    """At least so many times the rate of the others."""
    names = " or ".join(label_of(name) for name in against)
    return Goal(title(case, "rate to that of %s" % names), Ratio(case, against, **more),
                at_least=times)


GOALS = (
    faster(ALONE_C1, 0.85, "relay"),
    faster(ALONE_C1, 1.3, "uwsgi"),
    faster(ALONE_C1, 4, "zeromq"),
    faster(ALONE_C1, 4, "pool"),
    Goal(title(ONE_CPU_C64, "rate to that of the best peer that starves no connection"),
         Ratio(ONE_CPU_C64, EVERY_PEER, starves=False), at_least=4),
    Goal(title(ONE_CPU_DEEP, "rate to that of a worker on pipes at depth 16"),
         Ratio(ONE_CPU_DEEP, ("pipes",)), at_least=0.6),
    Goal(title(FREE_2_C64, "rate to that of the better of uWSGI and uvicorn"),
         Ratio(FREE_2_C64, (*UWSGI, "uvicorn")), at_least=3),
    Goal(title(FREE_C8, "rate to that of uWSGI"), Ratio(FREE_C8, UWSGI), at_least=2),
    Goal(title(FREE_C64, "rate to that of uWSGI"), Ratio(FREE_C64, UWSGI), at_least=3),
    Goal(title(BURN_1MS, "rate to that of two workers on pipes"), Ratio(BURN_1MS, ("pipes",)),
         at_least=0.97),
    Goal(title(BURN_1MS, "p99 to that of two workers on pipes"),
         Ratio(BURN_1MS, ("pipes",), "latency_us.p99"), at_most=1.3),
    *(faster("%s c1 d1 w1 %s" % (work, where), 1, "relay")
      for work in ("echo:1M", "echo:10M") for where in ("pinned", "free")),
    Goal(title(BESIDE, "p99 of the small ones to that without him"),
         Growth(BESIDE, "latency_us.p99"), at_most=5),
    Goal(title(ALONE_C1, "CPU time of the daemon for a call"), Amount(ALONE_C1, "cpu_us.server"),
         at_most=5, unit="us"),
    Goal(title(ONE_CPU_C64, "CPU time of the daemon for a call"),
         Amount(ONE_CPU_C64, "cpu_us.server"), at_most=1, unit="us"),
    Goal(title(ONE_CPU_DEEP, "CPU time of the daemon for a call"),
         Amount(ONE_CPU_DEEP, "cpu_us.server"), at_most=1, unit="us"),
    Goal(title(ALONE_C1, "system calls of the daemon for a call"), SystemCalls(ALONE_C1),
         at_most=6),
    Goal(title(ONE_CPU_C64, "system calls of the daemon for a call"), SystemCalls(ONE_CPU_C64),
         at_most=2.5),
    Goal(title(ONE_CPU_DEEP, "system calls of the daemon for a call"), SystemCalls(ONE_CPU_DEEP),
         at_most=0.5),
    Goal("a forked worker that has numpy: ready after the decision",
         StartUp("forked, numpy", "ready_ms"), at_most=3, unit="ms"),
    Goal("a forked worker that has numpy: memory of its own", StartUp("forked, numpy", "own_mb"),
         at_most=1, unit="MB"),
    *(Goal("instructions of the daemon for a call: growth %s" % growth, Counted(growth),
           at_most=1.05)
      for growth in ("from 1 to 200 workers", "from 1 to 10,000 clients",
                     "from 0 to 100,000 queued requests")),
)


@dataclass(frozen=True)
class Verdict:
    title: str
    bound: str  # in words
    figure: Optional[figures.Figure]
    is_met: Optional[bool]  # None: it was not measured
    margin: Optional[float]  # by how much of the bound it is met, or missed (negative)
    unit: str
    remark: str


def judge(goal, results):
    figure = figures.figure_of(goal.what.values(results))
    is_low = goal.at_least is not None
    bound = "%s %g%s" % ("at least" if is_low else "at most", goal.bound(),
                         " " + goal.unit if goal.unit else "")
    if not figure:
        return Verdict(goal.title, bound, None, None, None, goal.unit, "not measured")
    margin = figure.median / goal.bound() - 1
    margin = margin if is_low else -margin
    return Verdict(goal.title, bound, figure, margin >= 0, margin, goal.unit,
                   goal.what.remark(results))


def judge_all(results, goals=GOALS):
    return [judge(goal, results) for goal in goals]


def needed(goals=GOALS):
    """The peers that the goals need, by the names of their cases."""
    found = {}
    for goal in goals:
        for case, names in goal.what.needs().items():
            found.setdefault(case, set()).update(names)
    return found
