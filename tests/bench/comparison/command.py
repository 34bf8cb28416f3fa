# SPDX-License-Identifier: MIT
"""The command: tests/bench/run --help."""
import argparse
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from cost_table import Table

from . import cases, goals, machine, peers, plot, readme, session, start_up, system_calls
from .children import Failed
from .table import table

TOP = Path(__file__).resolve().parents[3]
ROUNDS, QUICK_ROUNDS = 5, 4
COUNTED = (goals.ALONE_C1, goals.ONE_CPU_C64, goals.ONE_CPU_DEEP)
OVERHEAD = 0.25  # seconds of a measurement besides what it measures: warming up, starting the load


def tell(text):
    print(text, file=sys.stderr, flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="tests/bench/run", description="Compares jumpbootd with what could be taken instead: "
        "builds it, installs the others from Debian's packages, measures all of them in one run, "
        "and writes table.txt, results.json and plot.svg.")
    parser.add_argument("--quick", action="store_true",
                        help="only what goals and plot need, in %d rounds" % QUICK_ROUNDS)
    parser.add_argument("--rounds", type=int, help="(%d)" % ROUNDS)
    parser.add_argument("--cases", metavar="TEXT,...",
                        help="only those that have one of the texts in their names (see --list)")
    parser.add_argument("--peers", metavar="NAME,...", help="only these, and jumpbootd")
    parser.add_argument("--scale", type=float, default=1.0,
                        help="how long each measurement takes, times its usual time (1)")
    parser.add_argument("--output", type=Path, help="where to write (results/ in the build folder)")
    parser.add_argument("--build", type=Path, default=TOP / "build-bench",
                        help="the folder to build in (build-bench)")
    parser.add_argument("--no-build", action="store_true", help="take what is built there")
    parser.add_argument("--no-install", action="store_true", help="install no packages")
    parser.add_argument("--from", dest="earlier", type=Path, metavar="FILE",
                        help="take the results.json of an earlier run instead of measuring")
    parser.add_argument("--write-readme", action="store_true",
                        help="write README.md's part about speed, and its plot")
    parser.add_argument("--list", action="store_true", help="list cases and peers")
    options = parser.parse_args(arguments)
    names = options.peers.split(",") if options.peers else []
    for name in names:
        if name not in peers.BY_NAME:
            parser.error("there is no peer '%s'; there are %s" % (name, ", ".join(peers.BY_NAME)))
    if options.write_readme and not options.earlier:
        if options.cases or options.peers:
            parser.error("README.md is not written from a part of the cases or peers")
        if options.rounds is not None and options.rounds < readme.ROUNDS:
            parser.error("README.md is written from %d rounds or more" % readme.ROUNDS)
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds has to be 1 at least")
    if not 0 < options.scale <= 100:
        parser.error("--scale has to be more than 0, and 100 at most")
    options.build = options.build.resolve()
    options.peers = names
    options.chosen = choose(options)
    if not options.chosen:
        parser.error("no case has '%s' in its name; see --list" % options.cases)
    return options


def choose(options):
    """The cases, with the peers that are to be measured in each."""
    chosen = list(cases.CASES)
    if options.cases:
        texts = options.cases.split(",")
        chosen = [case for case in chosen if any(text in case.name for text in texts)]
    elif options.quick:
        needed = {**goals.needed(), **{case.name: case.peers for case in plot.shown_cases()}}
        chosen = [cases.with_peers(case, needed[case.name]) for case in chosen
                  if case.name in needed]
    if options.peers:
        names = {"jumpbootd", *options.peers}
        chosen = [cases.with_peers(case, names) for case in chosen]
    return [case for case in chosen if case.peers]


def list_all():
    for peer in peers.PEERS:
        print("peer  %-18s %s" % (peer.name, peer.label))
    for case in cases.CASES:
        print("case  %-40s %s" % (case.name, case.title))


def install(options):
    """What cannot be installed is left out later on, by name."""
    done = subprocess.run([TOP / "scripts/install-packages", options.build / "logs/packages.log",
                           "build", "bench"], stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        tell("not all packages could be installed")


def build(options):
    tell("Building in %s ..." % options.build)
    done = subprocess.run([TOP / "scripts/build-tree", options.build, "all", "bench-programs",
                           "--", "CFLAGS=-g -O2"], stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failed("jumpbootd could not be built")


def find_missing(run, versions):
    for name, version in versions.items():
        if name in peers.BY_NAME and name != "jumpbootd" and version is None:
            run.leave_out(name, "it is not installed")


def extra(run, what, measure):
    """What is measured besides the rounds; what fails there costs only itself."""
    try:
        return measure()
    except (Failed, OSError) as error:
        run.tell("%s: %s" % (what, error))
        return {}


def take_extras(run, options):
    names = [case.name for case in options.chosen
             if case.name in COUNTED and "jumpbootd" in case.peers]
    found = {"system_calls": extra(run, "system calls",
                                   lambda: system_calls.measure(run, names))}
    if not options.cases:
        found["start_up"] = extra(run, "start of workers", lambda: start_up.measure(
            run, 5 if options.quick else 15))
    return found


def measure(options):
    watch = machine.Watch()
    if not machine.is_quiet(watch.end()):
        tell("The machine is busy: what comes of this run means little.")
    names = {name for case in options.chosen for name in case.peers}
    count = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    versions = machine.read_versions(options.build, sorted(names))
    with session.Session(options.build, tell, options.scale) as run:
        find_missing(run, versions)
        run.start_servers(options.chosen)
        if "jumpbootd" in run.left_out:
            raise Failed("jumpbootd: %s" % run.left_out["jumpbootd"])
        tell("%d measurements a round, %d rounds: about %.0f minutes"
             % (count_samples(options.chosen), count, count * estimate(options) / 60))
        rounds = session.run_rounds(run, options.chosen, count, random.Random())
        watched = watch.end()
        return {"machine": machine.read_machine(), "versions": versions, "watch": watched,
                "settings": {"rounds": count, "scale": options.scale, "quick": options.quick,
                             "date": time.strftime("%Y-%m-%d")},
                "left_out": run.left_out, "server_start_s": run.started_in, "rounds": rounds,
                "growth": read_growth(), **take_extras(run, options)}


def read_growth():
    """What tests/bench/count has found; nothing if it has never been run."""
    counted = Table.read(TOP / "HACKING.md")
    return counted.growth if counted else {}


def count_samples(chosen):
    return sum(len(case.peers) for case in chosen)


def estimate(options):
    """Seconds of a round."""
    return sum(len(case.peers) * (OVERHEAD + options.scale * case.seconds * (3 if case.beside
                                                                             else 1))
               for case in options.chosen)


def summary(results):
    """What the table tells, for programs."""
    return {"goals": [{**vars(verdict), "figure": vars(verdict.figure) if verdict.figure else None}
                      for verdict in goals.judge_all(results)],
            "ratios": {case: {peer.name: vars(figure) for peer, figure, _
                              in plot.bars_of(results, case)}
                       for case in cases.BY_NAME if plot.bars_of(results, case)}}


def write(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    text = table(results)
    (folder / "results.json").write_text(
        json.dumps({**results, "summary": summary(results)}, indent=1) + "\n")
    (folder / "table.txt").write_text(text)
    print(text, end="")
    try:
        if plot.is_drawable(results):
            plot.draw(results, folder / "plot.svg")
    except ImportError:
        tell("There is no plot: python3-matplotlib is not installed.")
    tell("Table, results and plot are in %s" % folder)


def end_on_signals():
    """So that a run which is told to end takes its servers along."""
    def leave(number, _):
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def obtain(options):
    if options.earlier:
        return json.loads(options.earlier.read_text())
    if not options.no_install:
        install(options)
    if options.write_readme:
        readme.check(TOP)
    if not options.no_build:
        build(options)
    return measure(options)


def main(arguments):
    options = parse(arguments)
    if options.list:
        list_all()
        return 0
    end_on_signals()
    try:
        results = obtain(options)
        write(results, options.output or options.build / "results")
        if options.write_readme:
            for path in readme.write(results, TOP):
                tell("written: %s" % path)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (Failed, OSError, ValueError, ImportError, readme.NotThere) as error:
        tell("bench: %s" % error)
        return 1
    return 0
