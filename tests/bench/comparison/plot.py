# SPDX-License-Identifier: MIT
"""The rates as a picture: those of all to that of jumpbootd, which is 1."""
from . import cases, figures, peers

SHOWN = (
    ("add c1 d1 w1 pinned", "one client, one CPU"),
    ("add c64 d1 w1 pinned", "64 clients, one worker, one CPU"),
    ("add c64 d1 w2 free", "64 clients, two workers, all CPUs"),
    ("burn:1ms c8 d1 w2 free", "functions of 1 ms, 8 clients, two workers"),
)
COLOURS = {"jumpbootd": "#2c6fbb", "limit": "#b8b8b8", "peer": "#e0a458"}


def colour_of(peer):
    if peer.name == "jumpbootd":
        return COLOURS["jumpbootd"]
    return COLOURS["limit" if peer.is_limit else "peer"]


def bars_of(results, case):
    """(peer, figure of its ratio, remark) of all that were measured, the largest first. Where the
    rounds of a case have nothing of jumpbootd there are none."""
    bars = []
    for peer in peers.PEERS:
        figure = figures.figure_of(figures.ratios(results["rounds"], case, peer.name,
                                                  ("jumpbootd",)))
        if figure:
            bars.append((peer, figure, figures.troubles(results["rounds"], case, peer.name)))
    return sorted(bars, key=lambda bar: -bar[1].median)


def is_drawable(results):
    return any(bars_of(results, case) for case, _ in SHOWN)


def draw_case(axes, bars, title):
    medians = [figure.median for _, figure, _ in bars]
    errors = [[figure.median - figure.lowest for _, figure, _ in bars],
              [figure.highest - figure.median for _, figure, _ in bars]]
    axes.barh(range(len(bars)), medians, xerr=errors, ecolor="#606060",
              error_kw={"linewidth": 0.8}, color=[colour_of(peer) for peer, _, _ in bars])
    axes.set_yticks(range(len(bars)), [peer.label for peer, _, _ in bars])
    axes.invert_yaxis()
    axes.axvline(1, color=COLOURS["jumpbootd"], linewidth=0.8, linestyle=":")
    reach = max(figure.highest for _, figure, _ in bars)
    for row, (_, figure, trouble) in enumerate(bars):
        text = " %.2f%s" % (figure.median, " (%s)" % trouble if trouble else "")
        axes.text(figure.highest, row, text, va="center", fontsize=8)
    axes.set_xlim(0, 1.35 * reach)
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)


def draw(results, path):
    """Writes an SVG file; ImportError: there is no matplotlib."""
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    # The same results give the same file, and text stays text.
    matplotlib.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none",
                                "font.family": "sans-serif", "font.size": 9})
    shown = [(bars, title) for case, title in SHOWN if (bars := bars_of(results, case))]
    heights = [len(bars) + 2 for bars, _ in shown]
    figure, rows = plt.subplots(len(shown), 1, squeeze=False, layout="constrained",
                                figsize=(8, 0.24 * sum(heights) + 0.4),
                                gridspec_kw={"height_ratios": heights})
    for (axes,), (bars, title) in zip(rows, shown):
        draw_case(axes, bars, title)
    rows[-1][0].set_xlabel("calls a second, jumpbootd = 1 (median of %s, lowest and highest)"
                           % cases.plural(results["settings"]["rounds"], "round"))
    figure.savefig(path, format="svg", facecolor="white", metadata={"Date": None,
                                                                    "Creator": None})
    plt.close(figure)


def shown_cases():
    return [cases.BY_NAME[name] for name, _ in SHOWN]
