# SPDX-License-Identifier: MIT
"""What the bench makes of its samples: figures, verdicts, table, picture and README.md's part, from
numbers that are made up here."""
import re
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/bench"))

from comparison import cases, command, figures, goals, machine  # noqa: E402
from comparison import peers, plot, readme, session, table  # noqa: E402
from comparison.children import Failed  # noqa: E402
from cost_table import Table  # noqa: E402

C1, C64 = goals.ALONE_C1, goals.ONE_CPU_C64


def sample(rate, p99=20.0, **more):
    return {"calls": 1000.0, "seconds": 1.0, "rate": rate, "failures": 0, "starved": 0,
            "latency_us": {"p50": 10.0, "p90": 15.0, "p99": p99, "p999": 30.0, "max": 40.0},
            "cpu_us": {"client": 1.5, "server": 4.0, "workers": 6.0}, **more}


def make_results(*rounds):
    return {
        "machine": {"cpus": 2, "virtual": True, "processor": "Made up", "kernel": "Linux 6.1",
                    "system": "Debian GNU/Linux 12 (bookworm)"},
        "versions": {"jumpbootd": "0.1.0", "Python": "3.11.2", "uwsgi": "2.0", "zeromq": None},
        "watch": {"load_at_first": 0.1, "stolen": 0.0},
        "settings": {"rounds": len(rounds), "scale": 1.0, "quick": False, "date": "2026-01-01"},
        "left_out": {"zeromq": "it is not installed"},
        "server_start_s": {"uwsgi": 0.25},
        "system_calls": {C1: {"calls": 10000.0, "system_calls": 60010, "per_call": 6.001,
                              "tool": "perf"}},
        "growth": {"from 1 to 200 workers": 1.002, "from 1 to 10,000 clients": 1.3},
        "start_up": {
            "forked, numpy": {"ready_ms": [2.0, 4.0, 3.0], "own_mb": [0.75, 0.8, 0.85]},
            "python3 -c": {"ready_ms": [14.0], "own_mb": []},
            "python3 -c, numpy": {"ready_ms": [90.0], "own_mb": []}},
        "rounds": list(rounds),
    }


@pytest.fixture
def results():
    """Three rounds, of which the second ran at half the speed, for everybody."""
    def samples(speed):
        return {
            C1: {"jumpbootd": sample(80000 * speed), "relay": sample(100000 * speed),
                 "pipes": sample(300000 * speed), "uwsgi": sample(40000 * speed),
                 "pool": sample(16000 * speed, start_us=9000.0)},
            C64: {"jumpbootd": sample(200000 * speed),
                  "uwsgi": sample(100000 * speed, starved=63),
                  "uvicorn": sample(40000 * speed), "uwsgi-close": sample(50000 * speed)}}
    return make_results(samples(1.0), samples(0.5), samples(1.1))


def test_a_figure_is_the_median_with_its_spread():
    figure = figures.figure_of([4.0, None, 1.0, 2.0])
    assert figure == figures.Figure(2.0, 1.0, 4.0, 3)
    assert figure.spread() == 0.75
    assert figures.figure_of([None]) is None


def test_ratios_are_those_of_a_round(results):
    """Whatever slows a whole round down leaves no trace in them."""
    assert figures.ratios(results["rounds"], C1, "jumpbootd", ("relay",)) \
        == pytest.approx([0.8, 0.8, 0.8])
    rates = figures.figure_of(figures.values(results["rounds"], C1, "jumpbootd", "rate"))
    assert rates.lowest == 40000 and rates.highest == pytest.approx(88000)


def test_the_best_of_several_is_found_in_each_round(results):
    results["rounds"][1][C64]["uvicorn"]["rate"] = 400000
    found = figures.ratios(results["rounds"], C64, "jumpbootd", goals.EVERY_PEER, starves=False)
    assert found == pytest.approx([4.0, 0.25, 4.0])
    assert figures.usual_best(results["rounds"], C64, goals.EVERY_PEER, starves=False) \
        == "uwsgi-close"
    assert figures.usual_best(results["rounds"], C64, goals.EVERY_PEER) == "uwsgi"


@pytest.mark.parametrize("spoilt", [{"error": "it ended"}, sample(1e6, failures=1),
                                    {**sample(1e6), "calls": 0.0}])
def test_what_went_wrong_counts_for_nothing(results, spoilt):
    results["rounds"][0][C1]["relay"] = spoilt
    found = figures.ratios(results["rounds"], C1, "jumpbootd", ("relay",))
    assert found == [None, pytest.approx(0.8), pytest.approx(0.8)]
    assert figures.value_of(spoilt, "rate") is None


def test_troubles_are_told(results):
    rounds = results["rounds"]
    assert figures.troubles(rounds, C1, "relay") == ""
    assert figures.troubles(rounds, C64, "uwsgi") == "63 starved"
    rounds[1][C1]["relay"] = sample(1.0, failures=2, failure="this is not the right answer: 7")
    assert figures.troubles(rounds, C1, "relay") == "2 failures: this is not the right answer: 7"
    rounds[2][C1]["relay"] = {"error": "it ended"}
    assert figures.troubles(rounds, C1, "relay") == "failed: it ended"


def verdict_of(results, what, **bounds):
    return goals.judge(goals.Goal("a goal", what, **bounds), results)


@pytest.mark.parametrize("bounds, is_met, margin", [
    ({"at_least": 0.85}, False, 0.8 / 0.85 - 1),
    ({"at_least": 0.5}, True, 0.6),
    ({"at_most": 1.0}, True, 0.2),
    ({"at_most": 0.5}, False, -0.6),
])
def test_goals_are_met_or_missed_by_so_much(results, bounds, is_met, margin):
    verdict = verdict_of(results, goals.Ratio(C1, ("relay",)), **bounds)
    assert verdict.is_met is is_met and verdict.margin == pytest.approx(margin)
    assert verdict.figure.median == pytest.approx(0.8)


def test_what_was_not_measured_is_neither_met_nor_missed(results):
    for what in (goals.Ratio(C1, ("zeromq",)), goals.Ratio("no case", ("relay",)),
                 goals.Growth(goals.BESIDE, "latency_us.p99"), goals.SystemCalls(C64),
                 goals.Amount(C1, "cpu_us.nobody"), goals.StartUp("spawned", "ready_ms")):
        verdict = verdict_of(results, what, at_least=1)
        assert verdict.is_met is None and verdict.figure is None


def test_goals_of_amounts(results):
    assert verdict_of(results, goals.Amount(C1, "cpu_us.server"), at_most=5).is_met
    assert not verdict_of(results, goals.StartUp("forked, numpy", "ready_ms"), at_most=2.5).is_met
    # What perf sees of a connection's beginning and end is not held against the daemon.
    assert verdict_of(results, goals.SystemCalls(C1), at_most=6).is_met
    assert verdict_of(results, goals.SystemCalls(C1), at_most=5.9).is_met is False


def test_growth_is_what_was_counted(results):
    assert verdict_of(results, goals.Counted("from 1 to 200 workers"), at_most=1.05).is_met
    assert not verdict_of(results, goals.Counted("from 1 to 10,000 clients"), at_most=1.05).is_met
    counted = Table.read(TOP / "HACKING.md").growth
    assert {goal.what.growth for goal in goals.GOALS if isinstance(goal.what, goals.Counted)} \
        == set(counted)


class Broken:
    """A session whose relay fails each time."""

    def __init__(self):
        self.said = []
        self.session = session.Session("/nonexistent", self.said.append)
        self.session.measure = self.measure
        self.measured = []

    def measure(self, name, case):
        self.measured.append(name)
        if name == "relay":
            raise Failed("it hangs")
        return sample(1.0)


def test_who_fails_again_and_again_is_left_out():
    broken = Broken()
    chosen = [cases.with_peers(case, {"jumpbootd", "relay"}) for case in cases.CASES[:2]]
    rounds = session.run_rounds(broken.session, chosen, 3)
    assert broken.measured.count("relay") == 3 and broken.measured.count("jumpbootd") == 6
    assert broken.session.left_out == {"relay": "it failed 3 times, at last: it hangs"}
    assert sum(each.get("relay") == {"error": "it hangs"}
               for samples in rounds for each in samples.values()) == 3


def test_small_calls_beside_a_large_one_are_compared_with_themselves(results):
    for samples in results["rounds"]:
        samples[goals.BESIDE] = {"jumpbootd": sample(9.0, p99=300.0, alone=sample(10.0, p99=100.0),
                                                     beside=sample(1.0))}
    verdict = verdict_of(results, goals.Growth(goals.BESIDE, "latency_us.p99"), at_most=5)
    assert verdict.figure.median == pytest.approx(3.0)
    lines = table.beside_lines(results)
    assert re.match(r"jumpbootd +100 +300 +3$", lines[1])


def test_each_goal_names_what_is_measured():
    for name, wanted in goals.needed().items():
        assert set(wanted) <= set(cases.BY_NAME[name].peers), name
    assert len(cases.BY_NAME) == len(cases.CASES)
    assert len({goal.title for goal in goals.GOALS}) == len(goals.GOALS)
    for case in cases.CASES:
        assert set(case.peers) <= set(peers.BY_NAME), case.name


def test_the_table_tells_goals_cases_and_start(results):
    lines = table.table(results).splitlines()
    assert any(re.search(r"minimal relay \(limit\) +at least 0\.85( +0\.8){3} +MISSED by 6 %", line)
               for line in lines)
    assert any(re.search(r"uWSGI, keep-alive +at least 1\.3 +2 +2 +2 +met by 54 %", line)
               for line in lines)
    assert any(re.search(r"at least 4 +4 .*met by 0 % +the best of them: uWSGI$", line)
               for line in lines)
    assert any(re.match(r" +uWSGI, keep-alive +100000 +30 % +0\.5 +0\.5 +0\.5 .*63 starved$", line)
               for line in lines)
    assert any(re.match(r"forked, numpy +3 +2 +4 +0\.8$", line) for line in lines)
    assert "ZeroMQ proxy is left out: it is not installed" in lines
    assert not any("NOT QUIET" in line for line in lines)
    results["watch"]["load_at_first"] = 3.5
    assert "THE MACHINE WAS NOT QUIET: a load of 3.5" in table.table(results)


def test_a_table_of_nothing_can_be_made():
    empty = make_results({C1: {"jumpbootd": {"error": "it ended"}}})
    for key in ("system_calls", "start_up", "server_start_s"):
        empty[key] = {}
    text = table.table(empty)
    assert "not measured" in text and "failed: it ended" in text
    assert not plot.is_drawable(empty)


@pytest.mark.parametrize("value, text", [(1234567.4, "1234567"), (123.4, "123"), (12.34, "12.3"),
                                         (0.01234, "0.0123"), (0, "0"), (None, "-")])
def test_numbers_have_three_digits_that_count(value, text):
    assert table.number(value) == text


def test_the_summary_is_for_programs(results):
    found = command.summary(results)
    assert found["goals"][0]["is_met"] is False
    assert found["ratios"][C1]["uwsgi"]["median"] == pytest.approx(0.5)


def test_the_bars_of_the_plot(results):
    bars = plot.bars_of(results, C64)
    assert [(peer.name, round(figure.median, 3), trouble) for peer, figure, trouble in bars] == [
        ("jumpbootd", 1.0, ""), ("uwsgi", 0.5, "63 starved"), ("uwsgi-close", 0.25, ""),
        ("uvicorn", 0.2, "")]


def test_the_plot_is_a_picture_and_the_same_each_time(results, tmp_path):
    pytest.importorskip("matplotlib")
    for name in "a.svg", "b.svg":
        plot.draw(results, tmp_path / name)
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    assert "63 starved" in text and "64 clients, one worker, one CPU" in text


README = "before\n%sold\n%safter\n" % (readme.BEGIN, readme.END)


@pytest.fixture
def top(tmp_path, monkeypatch):
    """A checkout, and a plot that needs no library."""
    monkeypatch.setattr(plot, "draw", lambda results, path: path.write_text("<svg/>"))
    (tmp_path / "doc").mkdir()
    (tmp_path / "README.md").write_text(README)
    return tmp_path


def test_readme_is_written_from_the_results(results, top):
    readme.write(results, top)
    text = (top / "README.md").read_text()
    assert text.startswith("before\n" + readme.BEGIN) and text.endswith(readme.END + "after\n")
    assert "old" not in text and "busy" not in text
    flat = " ".join(text.split())
    assert "A call takes **10 µs**" in flat and "takes 14 ms" in flat
    assert "**200,000 times a second** on one CPU: 4 times as often as uWSGI," in flat
    assert "ready after **3 ms** and takes **0.8 MB**" in flat
    assert "from 3 rounds on a 2-core virtual machine (Debian GNU/Linux 12, Linux 6.1," in flat
    assert "zeromq" not in flat.lower()
    assert max(map(len, text.splitlines())) <= 100
    assert (top / "doc/bench.svg").read_text() == "<svg/>"
    assert sorted(path.name for path in top.rglob("*") if path.is_file()) \
        == ["README.md", "bench.svg"]
    readme.write(results, top)
    assert (top / "README.md").read_text() == text


def test_readme_says_that_the_machine_was_busy(results):
    results["watch"]["stolen"] = 0.2
    assert "machine" in readme.section(results) and "busy with other things" in readme.section(
        results)
    assert not machine.is_quiet(results["watch"])


@pytest.mark.parametrize("spoil, said", [
    (lambda results: results["start_up"].pop("forked, numpy"), "workers with numpy"),
    (lambda results: results["start_up"].pop("python3 -c"), "the start of a Python"),
    (lambda results: [samples.pop(C64) for samples in results["rounds"]], "calls by 64 clients"),
    (lambda results: [samples.pop(C1) for samples in results["rounds"]], "calls by one client"),
    (lambda results: results["settings"].update(rounds=2), "3 rounds or more"),
])
def test_readme_stays_as_it_is_when_a_number_is_missing(results, top, spoil, said):
    spoil(results)
    with pytest.raises(readme.NotThere, match=said):
        readme.write(results, top)
    assert (top / "README.md").read_text() == README and not list((top / "doc").iterdir())


def test_readme_stays_as_it_is_when_the_picture_fails(results, top, monkeypatch):
    def fail(results, path):
        path.write_text("<sv")
        raise ImportError("no matplotlib")
    monkeypatch.setattr(plot, "draw", fail)
    with pytest.raises(ImportError):
        readme.write(results, top)
    assert (top / "README.md").read_text() == README and not list((top / "doc").iterdir())


def test_readme_needs_a_place_for_it(results, top):
    (top / "README.md").write_text("no place\n")
    with pytest.raises(ValueError, match="README.md has no lines"):
        readme.write(results, top)


def test_readme_of_this_project_has_a_place():
    text = (TOP / "README.md").read_text()
    assert readme.replace(text, "## new\n").count("## new") == 1


@pytest.mark.parametrize("arguments, said", [
    (["--peers", "nobody"], "there is no peer 'nobody'"),
    (["--cases", "nothing"], "no case has 'nothing'"),
    (["--rounds", "0"], "--rounds has to be 1 at least"),
    (["--scale", "0"], "--scale has to be more than 0"),
    (["--write-readme", "--peers", "relay"], "not written from a part"),
    (["--write-readme", "--rounds", "2"], "3 rounds or more"),
])
def test_wrong_options_are_told(arguments, said, capsys):
    with pytest.raises(SystemExit):
        command.parse(arguments)
    assert said in capsys.readouterr().err


def test_options_choose_what_is_measured():
    chosen = command.parse(["--cases", "burn:1ms,beside", "--peers", "relay"]).chosen
    assert {case.name.split(" ")[0] for case in chosen} == {"burn:1ms", "add"}
    assert all(set(case.peers) == {"jumpbootd", "relay"} for case in chosen)
    quick = {case.name: case.peers for case in command.parse(["--quick"]).chosen}
    assert set(quick) == {*goals.needed(), *(name for name, _ in plot.SHOWN)}
    assert command.estimate(command.parse([])) > command.estimate(command.parse(["--quick"])) > 0
