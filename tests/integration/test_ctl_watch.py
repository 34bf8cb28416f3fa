# SPDX-License-Identifier: MIT
"""jumpbootctl workers and top: with a daemon that is played, and with the real one."""
import copy
import json
import os
import re
import signal

import pytest
from ctl import UNAVAILABLE, Terminal, ctl, on_terminal
from fake_server import STATUS, line
from harness import GATE_SOURCE, process_stat, source, wait_until

WORKERS = [
    {"program": "calc", "pid": 4712, "slot": 0, "state": "idle", "since": 2.5, "age": 7000.0,
     "served": 17, "memory": 13393920, "function": None},
    {"program": "calc", "pid": 4713, "slot": 1, "state": "busy", "since": 0.25, "age": 12.0,
     "served": 3, "memory": 99614720, "function": "add", "function_age": 0.01},
    {"program": "thumbnails", "pid": 4714, "slot": 0, "state": "busy", "since": 63.0, "age": 64.0,
     "served": 0, "memory": 0, "function": "make", "function_age": 62.0,
     "is_interrupted": True},
]
ENTER, LEAVE = "\033[?1049h\033[?25l\033[?7l", "\033[?7h\033[?25h\033[?1049l"
CLEAR_LINE = "\033[K\r\n"


def playing(statuses=(STATUS,), workers=WORKERS):
    """An answer function: one status after the other, the last one again and again."""
    left = list(statuses)

    def answer(request):
        if request["method"] == "jumpbootd.workers":
            result = {"workers": workers}
        else:
            result = left.pop(0) if len(left) > 1 else left[0]
        return line({"jsonrpc": "2.0", "id": request["id"], "result": result})
    return answer


def later(seconds, ok=0, failed=0):
    """The status so much later, when calc has done so much more."""
    status = copy.deepcopy(STATUS)
    status["uptime"] += seconds
    calc = status["programs"]["calc"]
    calc["requests"]["ok"] += ok
    calc["requests"]["timeout"] += failed
    calc["run_time"]["recent"] = {"count": 9, "p50": 0.012, "p90": 0.02, "p99": 1.5}
    calc["queue_wait"]["recent"] = {"count": 9, "p50": 0, "p90": 0, "p99": 0.0001}
    return status


# The workers.


def test_workers(serve):
    server = serve(playing())
    status, out, err = ctl("workers", socket=server.path)
    assert (status, err) == (0, "")
    assert "params" not in server.requests[0]
    rows = [re.split("  +", row.strip()) for row in out.splitlines()]
    assert rows == [
        ["PROGRAM", "SLOT", "PID", "STATE", "SINCE", "SERVED", "MEMORY", "RUNS", "FUNCTION"],
        ["calc", "0", "4712", "idle", "2.5 s", "17", "13 M"],
        ["calc", "1", "4713", "busy", "250 ms", "3", "95 M", "10 ms", "add"],
        ["thumbnails", "0", "4714", "busy", "1 min 3 s", "0", "0 B", "1 min 2 s", "make (interrupted)"],
    ]


def test_workers_of_a_program(serve):
    server = serve(playing(workers=[]))
    assert ctl("workers", "cal\u00e9\"", socket=server.path) == (0, "There are no workers.\n", "")
    assert server.requests[0]["params"] == {"program": "cal\u00e9\""}


def test_workers_as_json(serve):
    server = serve(playing())
    status, out, _ = ctl("--json", "workers", socket=server.path)
    assert (status, out.count("\n")) == (0, 1)
    assert json.loads(out) == {"workers": WORKERS}


def test_workers_that_wait_for_others(serve):
    calls = [{"method": "rates.current", "request": 9, "age": 0.1, "pid": 4720},
             {"method": "stock.price", "request": 10, "age": 0.1, "pid": None}]
    server = serve(playing(workers=[{**WORKERS[1], "calls": calls[:1]},
                                    {**WORKERS[1], "calls": calls},
                                    {**WORKERS[1], "calls": []}]))
    out = ctl("workers", socket=server.path)[1]
    assert [re.split("  +", row.strip())[-1] for row in out.splitlines()[1:]] == [
        "add, waits for rates.current", "add, waits for rates.current and 1 more", "add"]


def test_a_function_cannot_play_tricks_on_the_terminal(serve):
    server = serve(playing(workers=[{**WORKERS[1], "function": "\033[2Jgone\n"}]))
    assert "\033[2J" not in on_terminal("workers", socket=server.path)
    with Terminal("top", socket=server.path) as terminal:
        terminal.wait_for("\\x1b[2Jgone")


# top, with a daemon that is played.


def test_looks_one_after_the_other(serve):
    server = serve(playing([STATUS, later(2, ok=1000, failed=3)]))
    status, out, err = ctl("top", "-n", "2", "-d", "0.1", socket=server.path)
    assert (status, err) == (0, "")
    first, second = out.split("\n\njumpbootd ")
    rows = [[re.split("  +", row.strip()) for row in look.splitlines()] for look in (first, second)]
    assert first.startswith("jumpbootd 0.1.0, pid 4711, up 2 h 3 min, on /run/x.sock\n"
                            "clients: 3, requests in flight: 2, buffered: 12 K\n\n")
    assert rows[0][3] == ["PROGRAM", "STATE", "BUSY", "MAX", "QUEUE", "REQ/S", "FAIL/S", "WAIT",
                          "P50", "P99"]
    assert rows[0][4] == ["calc", "ready", "1", "4", "0", "-", "-", "-", "-", "-"]
    assert rows[1][4] == ["calc", "ready", "1", "4", "0", "502", "1.5", "100 us", "12 ms", "1.5 s"]
    assert rows[1][5] == ["thumbnails", "unavailable", "0", "8", "7", "0", "0", "-", "-", "-"]
    # Those that run something come first, the longest first.
    assert [row[2] for row in rows[1][8:]] == ["4714", "4713", "4712"]


def test_no_rates_across_a_restart(serve):
    again = later(-7000)
    again["programs"]["calc"]["requests"] = {"ok": 1}
    server = serve(playing([STATUS, again]))
    out = ctl("top", "-n", "2", "-d", "0.1", socket=server.path)[1]
    assert out.count("calc        ready           1    4      0      -       - ") == 2


def test_looks_as_json(serve):
    server = serve(playing())
    status, out, _ = ctl("top", "--json", "-n", "3", "-d", "100ms", socket=server.path)
    assert status == 0
    looks = [json.loads(row) for row in out.splitlines()]
    assert looks == [{"status": STATUS, "workers": {"workers": WORKERS}}] * 3


def test_a_reader_that_leaves_ends_it(serve):
    server = serve(playing())
    with open("/dev/full", "w") as full:
        status, _, err = ctl("top", "-d", "0.1", socket=server.path, stdout=full, stderr=-1)
    assert status == 74
    assert "No space left on device" in err


@pytest.mark.parametrize("key", ["q", "Q", "\003", "\004"])
def test_keys_that_quit(serve, key):
    server = serve(playing())
    with Terminal("top", socket=server.path) as terminal:
        terminal.wait_for(ENTER, "\033[H", "calc", "add", "\033[J")
        terminal.press("xyz")
        terminal.wait_for("\033[H", "calc", "\033[J")
        terminal.press(key)
        assert terminal.wait_end() == 0
        assert terminal.shown.endswith(LEAVE)


def test_it_refreshes_and_on_demand(serve):
    server = serve(playing())
    with Terminal("top", "-d", "0.1", socket=server.path) as terminal:
        terminal.wait_for(*["\033[H", "\033[J"] * 4)
        terminal.press("q")
        assert terminal.wait_end() == 0
    with Terminal("top", "-d", "1h", socket=server.path) as terminal:
        terminal.wait_for("\033[J")
        for _ in range(3):
            terminal.press(" ")
            terminal.wait_for("\033[J")


def test_it_ends_after_a_count(serve):
    server = serve(playing())
    with Terminal("top", "-n", "2", "-d", "0.1", socket=server.path) as terminal:
        terminal.wait_for(ENTER, "\033[J", "\033[J", LEAVE)
        assert terminal.wait_end() == 0


def test_it_fits_the_window_as_it_changes(serve):
    server = serve(playing(workers=[{**WORKERS[0], "slot": slot} for slot in range(100)]))
    with Terminal("top", "-d", "1h", socket=server.path, lines=20, columns=60) as terminal:
        assert len(terminal.next_frame().splitlines()) == 19
        for lines, columns in ((50, 120), (9, 40), (1, 1), (30, 80)):
            terminal.resize(lines, columns)
            frame = terminal.next_frame()
            # Below that nothing but the titles is left, and what is too much is cut.
            assert lines < 9 or len(frame.splitlines()) == lines - 1
        assert "1000" not in frame and "thumbnails" in frame


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_restore_the_terminal(serve, number):
    server = serve(playing())
    with Terminal("top", socket=server.path) as terminal:
        terminal.next_frame()
        os.kill(terminal.process.pid, number)
        assert terminal.wait_end() == -number
        assert LEAVE in terminal.shown


def test_it_can_be_suspended(serve):
    server = serve(playing())
    with Terminal("top", "-d", "1h", socket=server.path) as terminal:
        terminal.next_frame()
        terminal.press("\032")
        terminal.wait_for(LEAVE)
        wait_until(lambda: process_stat(terminal.process.pid)[0] == "T", "a stopped top")
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.wait_for(ENTER)
        terminal.next_frame()
        terminal.press("q")
        assert terminal.wait_end() == 0


def test_interrupt_of_one_that_waits_for_a_stuck_daemon(serve):
    server = serve(lambda request: b"")
    with Terminal("top", socket=server.path) as terminal:
        terminal.wait_for(ENTER)
        wait_until(lambda: server.requests, "a request")
        terminal.press("\003")
        assert terminal.wait_end() == 0
        assert terminal.shown.endswith(LEAVE)


def test_top_goes_on_with_the_next_daemon(serve):
    server = serve(playing(), close_after=2)  # as a daemon does that is started anew
    with Terminal("top", "-d", "0.1", socket=server.path) as terminal:
        for _ in range(3):
            terminal.next_frame()
        terminal.press("q")
        assert terminal.wait_end() == 0
    assert len(server.requests) > 4


def test_a_daemon_that_goes_is_told_on_the_old_screen(serve):
    server = serve(playing())
    with Terminal("top", "-d", "0.1", socket=server.path) as terminal:
        terminal.next_frame()
        server.close()
        assert terminal.wait_end() in (1, UNAVAILABLE)  # in the midst of a request, or between two
        terminal.wait_for(LEAVE, "jumpbootctl: ")


def test_no_daemon_is_told_on_the_old_screen(tmp_path):
    with Terminal("top", socket=tmp_path / "nobody") as terminal:
        assert terminal.wait_end() == UNAVAILABLE
        terminal.wait_for(LEAVE, "jumpbootctl: cannot connect to ")


def test_a_dumb_terminal_gets_no_escapes(serve):
    server = serve(playing())
    shown = on_terminal("top", "-n", "2", "-d", "0.1", socket=server.path,
                        environment={"TERM": "dumb"})
    assert "\033" not in shown
    assert shown.count("jumpbootd 0.1.0") == 2


# The real daemon, while a worker hangs.


@pytest.fixture
def stuck(start_daemon):
    """A daemon whose only worker runs a function, while the queue is full and the client, too, has
    as many requests under way as it may have."""
    daemon = start_daemon({"app": {"main": source(GATE_SOURCE), "max_workers": 1,
                                   "max_queue_size": 2}},
                          server={"max_client_requests": 3})
    gate = daemon.gate()
    client = daemon.connect()
    ids = [client.request("app.pass_gate", [gate.path])]
    gate.wait_entered()
    ids += [client.request("app.pass_gate", [os.devnull]) for _ in range(2)]
    wait_until(lambda: daemon.program_status("app")["queue"]["length"] == 2, "a full queue")
    yield daemon
    gate.release()
    assert set(client.receive_by_id(3)) == set(ids)


def test_status_of_a_stuck_program(stuck):
    status, out, _ = ctl("status", socket=stuck.socket_path)
    assert status == 0
    assert out.splitlines()[4].split() == ["app", "ready", "0", "1", "1", "2", "0", "0", "-", "0"]
    status, out, _ = ctl("status", "app", socket=stuck.socket_path)
    assert status == 0
    assert "\nqueue     length 2, max 2, high_water 2, ahead 0\n" in out


def test_workers_of_a_stuck_program(stuck):
    worker, = stuck.call("jumpbootd.workers", {"program": "app"})["workers"]
    assert [worker["pid"]] == stuck.workers()
    assert (worker["state"], worker["function"], worker["served"]) == ("busy", "pass_gate", 0)
    assert 0 < worker["function_age"] <= worker["since"] <= worker["age"]
    assert worker["memory"] > 1 << 20
    status, out, _ = ctl("workers", "app", socket=stuck.socket_path)
    assert status == 0
    assert out.splitlines()[1].split()[:4] == ["app", "0", str(worker["pid"]), "busy"]
    assert out.endswith("  pass_gate\n")


def test_top_of_a_stuck_program(stuck):
    with Terminal("top", "-d", "0.1", socket=stuck.socket_path) as terminal:
        for _ in range(3):
            assert "pass_gate" in terminal.next_frame()
        terminal.press("q")
        assert terminal.wait_end() == 0


def test_times_are_measured(start_daemon):
    daemon = start_daemon({"app": "import time\ndef nap(s):\n    time.sleep(s)\n"})
    for _ in range(9):
        daemon.call("app.nap", [0.01])
    daemon.call("app.nap", [0.2])
    program = daemon.program_status("app")
    ran = program["run_time"]
    assert ran["count"] == ran["recent"]["count"] == program["queue_wait"]["count"] == 10
    assert 0.0098 <= ran["p50"] <= ran["p90"] <= ran["p99"] <= ran["max"] <= ran["total"]
    assert 0.2 <= ran["max"] and 0.29 <= ran["total"]
    assert ran["p50"] < 0.2


def test_unknown_program(start_daemon):
    daemon = start_daemon({"app": "def f(): pass\n"})
    for command in ("status", "workers"):
        status, out, err = ctl(command, "ap", socket=daemon.socket_path)
        assert (status, out) == (1, "")
        assert err == (f"jumpbootctl: jumpbootd.{command}: invalid_params: "
                       'there is no program "ap"\n')
