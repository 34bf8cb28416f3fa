# SPDX-License-Identifier: MIT
"""What came of a run, as text."""
from . import cases, figures, goals, machine, peers

HEADINGS = ("", "calls/s", "+-", "ratio", "lowest", "highest", "p50 us", "p99 us", "client us",
            "server us", "workers us", "")


def number(value, digits=3):
    """With so many digits that count: 1234567, 12.3, 0.0123."""
    if value is None:
        return "-"
    if value >= 10 ** (digits - 1):
        return "%d" % round(value)
    return "%.*g" % (digits, value)


def percent(part):
    return "%.0f %%" % (100 * part)


def grid(rows):
    """Columns as wide as they have to be: the first to the left, the others to the right, but for
    the last, which has remarks."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1])]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return lines


def median_of(rounds, case, peer, metric):
    figure = figures.figure_of(figures.values(rounds, case, peer, metric))
    return figure.median if figure else None


def row_of(rounds, case, peer):
    """The ratio is that of its rate to jumpbootd's."""
    rate = figures.figure_of(figures.values(rounds, case, peer, "rate"))
    ratio = figures.figure_of(figures.ratios(rounds, case, peer, ("jumpbootd",)))
    metrics = ("latency_us.p50", "latency_us.p99", "cpu_us.client", "cpu_us.server",
               "cpu_us.workers")
    return (peers.BY_NAME[peer].label,
            number(rate.median) if rate else "-", percent(rate.spread()) if rate else "-",
            *(number(getattr(ratio, end)) if ratio else "-"
              for end in ("median", "lowest", "highest")),
            *(number(median_of(rounds, case, peer, metric)) for metric in metrics),
            figures.troubles(rounds, case, peer))


def case_lines(results, name):
    names = [peer.name for peer in peers.PEERS
             if any(peer.name in samples.get(name, {}) for samples in results["rounds"])]
    rows = [row_of(results["rounds"], name, peer) for peer in names]
    rows.sort(key=lambda row: -float(row[1]) if row[1] != "-" else 1)
    return [cases.BY_NAME[name].title, *("  " + line for line in grid([HEADINGS, *rows])), ""]


def goal_row(verdict, what):
    if not verdict.figure:
        return (what, verdict.bound, "-", "-", "-", "not measured", "")
    figure = verdict.figure
    word = "met by" if verdict.is_met else "MISSED by"
    return (what, verdict.bound, number(figure.median), number(figure.lowest),
            number(figure.highest), "%s %s" % (word, percent(abs(verdict.margin))),
            verdict.remark)


def goal_lines(results):
    """Under the case that they are about."""
    groups = {}
    for verdict in goals.judge_all(results):
        subject, _, what = verdict.title.partition(": ")
        groups.setdefault(subject, []).append(goal_row(verdict, "  " + what))
    heading = ("Goals", "wanted", "median", "lowest", "highest", "", "")
    first, *rest = grid([heading, *(row for rows in groups.values() for row in rows)])
    lines = [first]
    for subject, rows in groups.items():
        lines += [subject, *rest[:len(rows)]]
        rest = rest[len(rows):]
    return [*lines, ""]


def start_lines(results):
    rows = [("Start of a worker", "ready ms", "lowest", "highest", "own MB", "")]
    for kind, measured in results.get("start_up", {}).items():
        rows.append((kind, *start_cells(measured["ready_ms"], measured["own_mb"]), ""))
    for peer in peers.PEERS:
        if peer.driver:
            values = [sample["start_us"] / 1000 for samples in results["rounds"]
                      for case in samples.values()
                      if (sample := case.get(peer.name)) and "start_us" in sample]
            if values:
                rows.append((peer.label, *start_cells(values, []), "until the first answer"))
    for name, seconds in results.get("server_start_s", {}).items():
        rows.append((peers.BY_NAME[name].label, *start_cells([1000 * seconds], []),
                     "the server, until the first answer"))
    return [*grid(rows), ""] if len(rows) > 1 else []


def start_cells(ready, own):
    times, memory = figures.figure_of(ready), figures.figure_of(own)
    return (*(number(getattr(times, end)) if times else "-"
              for end in ("median", "lowest", "highest")),
            number(memory.median) if memory else "-")


def system_call_lines(results):
    rows = [("System calls of the daemon", "for a call", "")]
    for name, counted in results.get("system_calls", {}).items():
        if counted:
            rows.append((cases.BY_NAME[name].title, number(counted["per_call"]),
                         "counted by %s" % counted["tool"]))
    return [*grid(rows), ""] if len(rows) > 1 else []


def head_lines(results):
    box, settings = results["machine"], results["settings"]
    lines = [
        "jumpbootd and what could be taken instead, on %s (%s, %s, %s)"
        % (machine.describe(box), box["processor"], box["kernel"], box["system"]),
        "%s, in each everything once, in an order of its own. Ratios are those of a round; "
        "what stands here" % cases.plural(settings["rounds"], "round"),
        "are medians. A column 'ratio' is the rate to that of jumpbootd; us are microseconds of "
        "CPU time for a call.",
        "Versions: " + ", ".join("%s %s" % (name, version)
                                 for name, version in results["versions"].items() if version)]
    watch = results["watch"]
    if not machine.is_quiet(watch):
        lines.append("THE MACHINE WAS NOT QUIET: a load of %g at first, %s of the time stolen."
                     % (watch["load_at_first"], percent(watch["stolen"])))
    lines += ["%s is left out: %s" % (peers.BY_NAME[name].label, reason)
              for name, reason in results["left_out"].items()]
    return [*lines, ""]


def beside_lines(results):
    """The cases with a second client: how the small calls did without him."""
    rows = [("Small calls beside a large one", "p99 us alone", "beside", "times", "")]
    for name in named_cases(results):
        for peer in peers.PEERS if cases.BY_NAME[name].beside else ():
            alone = figures.figure_of(
                [figures.value_of((figures.sample_of(samples, name, peer.name) or {}).get("alone"),
                                  "latency_us.p99") for samples in results["rounds"]])
            beside = figures.figure_of(figures.values(results["rounds"], name, peer.name,
                                                      "latency_us.p99"))
            if alone and beside:
                rows.append((peer.label, number(alone.median), number(beside.median),
                             number(beside.median / alone.median), ""))
    return [*grid(rows), ""] if len(rows) > 1 else []


def named_cases(results):
    """Those that were measured, in the order of the list of all."""
    return [case.name for case in cases.CASES
            if any(case.name in samples for samples in results["rounds"])]


def table(results):
    lines = [*head_lines(results), *goal_lines(results)]
    for name in named_cases(results):
        lines += case_lines(results, name)
    lines += [*beside_lines(results), *start_lines(results), *system_call_lines(results)]
    return "\n".join(lines).rstrip() + "\n"
