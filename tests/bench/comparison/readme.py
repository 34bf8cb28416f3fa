# SPDX-License-Identifier: MIT
"""The part of README.md that tells how fast jumpbootd is: never written by hand."""
import os
import re
import shutil
from pathlib import Path

from . import cases, figures, goals, machine, peers, plot
from .table import number

BEGIN = "<!-- tests/bench/run --write-readme writes what stands from here -->\n"
END = "<!-- to here -->\n"
PICTURE = "doc/bench.svg"
START = "forked, numpy"
ROUNDS = 3  # one of them may be disturbed


class NotThere(Exception):
    """A number that README.md wants was not measured."""


def wanted(figure, what):
    if figure is None:
        raise NotThere("README.md cannot be written: the run has not measured %s" % what)
    return figure


def thousands(value):
    """Rounded to what a newcomer cares for: 284,000."""
    step = 10 ** max(0, len(str(int(value))) - 3)
    return "{:,}".format(int(round(value / step) * step))


def one_call(results):
    case = goals.ALONE_C1
    latency = wanted(figures.figure_of(figures.values(
        results["rounds"], case, "jumpbootd", "latency_us.p50")), "calls by one client")
    cold = wanted(figures.figure_of(results.get("start_up", {}).get(
        "python3 -c", {}).get("ready_ms", [])), "the start of a Python")
    return ("- A call takes **%s µs**, there and back, by one client on one CPU. To start a "
            "Python that does nothing takes %s ms." % (number(latency.median),
                                                       number(cold.median)))


def many_clients(results):
    case, rounds = goals.ONE_CPU_C64, results["rounds"]
    rate = wanted(figures.figure_of(figures.values(rounds, case, "jumpbootd", "rate")),
                  "calls by 64 clients")
    ratio = wanted(figures.figure_of(figures.ratios(rounds, case, "jumpbootd", goals.EVERY_PEER,
                                                    starves=False)), "another server's calls")
    best = figures.usual_best(rounds, case, goals.EVERY_PEER, starves=False)
    return ("- One worker answers 64 clients **%s times a second** on one CPU: %s times as often "
            "as %s, the best of the others that leave no client without an answer."
            % (thousands(rate.median), number(ratio.median, 2), peers.BY_NAME[best].label))


def start(results):
    measured = results.get("start_up", {})
    ready = wanted(figures.figure_of(measured.get(START, {}).get("ready_ms", [])),
                   "workers with numpy")
    own = wanted(figures.figure_of(measured.get(START, {}).get("own_mb", [])),
                 "the memory of workers with numpy")
    cold = wanted(figures.figure_of(measured.get("python3 -c, numpy", {}).get("ready_ms", [])),
                  "the start of a Python with numpy")
    return ("- Another worker that has imported numpy is ready after **%s ms** and takes **%s MB** "
            "of its own, with `\"start_method\": \"forkserver\"`. To start a Python that imports "
            "numpy takes %s ms." % (number(ready.median, 2), number(own.median, 2),
                                    number(cold.median)))


def where(results):
    box, versions = results["machine"], results["versions"]
    system = re.sub(r"\s*\(.*", "", box["system"])
    return "%s (%s, %s, Python %s)" % (machine.describe(box), system, box["kernel"],
                                       versions["Python"])


def wrap(text, width=100):
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = "  " + word if text.startswith("- ") else word
        else:
            line = line + " " + word if line else word
    return "\n".join([*lines, line])


def section(results):
    """NotThere: something that stands in it was not measured."""
    if results["settings"]["rounds"] < ROUNDS:
        raise NotThere("README.md is written from %d rounds or more" % ROUNDS)
    others = list(dict.fromkeys(peers.BY_NAME[name].family() for name in goals.EVERY_PEER
                                if name not in results["left_out"]))
    paragraphs = [
        "![Calls a second of jumpbootd and of others](%s)" % PICTURE,
        "Each bar is a rate to that of jumpbootd, measured one right after the other. Grey is what "
        "even the least that could be done reaches: a worker at two pipes with nothing between, "
        "and a relay that only hands lines on. \"63 starved\" means that so many connections got "
        "no answer at all.",
        "Three numbers, from %s on %s%s:" % (
            cases.plural(results["settings"]["rounds"], "round"), where(results),
            "" if machine.is_quiet(results["watch"]) else ", which was busy with other things"),
        "\n".join(map(wrap, (one_call(results), many_clients(results), start(results)))),
        "`tests/bench/run` repeats all of it, in a quarter of an hour (`--quick`: in three "
        "minutes): it installs what jumpbootd is compared with from Debian's packages, measures, "
        "and says where it has put table and plot. HACKING.md tells how to read them. Compared "
        "were %s and %s." % (", ".join(others[:-1]), others[-1])]
    text = "\n\n".join(part if "\n" in part else wrap(part) for part in paragraphs)
    return "## How fast it is\n\n%s\n" % text


def replace(readme, text):
    """The README with this section. ValueError: it has no place for it."""
    begin, end = readme.find(BEGIN), readme.find(END)
    if begin < 0 or end < begin:
        raise ValueError("README.md has no lines '%s' and '%s'" % (BEGIN.strip(), END.strip()))
    return readme[:begin] + BEGIN + "\n" + text + "\n" + readme[end:]


def check(top):
    """Fails at once where write() would fail after all has been measured."""
    import matplotlib  # noqa: F401
    replace(Path(top, "README.md").read_text(), "")


def write_whole(path, text):
    """The file is the old one or the new one, never half of one."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    if path.exists():
        shutil.copymode(path, new)
    os.replace(new, path)


def write(results, top):
    """Changes nothing unless all of it can be written. ImportError: there is no matplotlib."""
    readme, picture = Path(top, "README.md"), Path(top, PICTURE)
    text = replace(readme.read_text(), section(results))
    new = picture.with_name(picture.name + ".new")
    try:
        plot.draw(results, new)
        os.replace(new, picture)
    finally:
        new.unlink(missing_ok=True)
    write_whole(readme, text)
    return [readme, picture]
