# SPDX-License-Identifier: MIT
"""The daemon under a journald that the test plays: fields, entries, and a journald that does not
read or is away."""
import os
import signal

import pytest
from harness import GATE_SOURCE, source, wait_until
from journald import EVENTS, Journald

TALKER = """
    import faulthandler, logging, os, sys, threading, traceback

    def pid():
        return os.getpid()

    def say(text, where="stdout"):
        print(text, file=getattr(sys, where))

    def write(texts, where="stderr"):
        for text in texts:
            getattr(sys, where).write(text)

    def fail_loudly():
        try:
            try:
                {}["key"]
            except KeyError:
                raise ValueError("first\\nsecond")
        except ValueError:
            traceback.print_exc()

    def log():
        try:
            1 / 0
        except ZeroDivisionError:
            logging.exception("<3>it went wrong\\nbadly")

    def raise_in_thread():
        thread = threading.Thread(target=lambda: 1 / 0, name="helper")
        thread.start()
        thread.join()

    def child(code):
        import subprocess
        subprocess.run([sys.executable, "-c", code])

    def dump():
        faulthandler.dump_traceback(2)

    def talk(lines):
        for number in range(lines):
            print("line", number)

    def flood(where):
        while True:
            print("flood", "x" * 60, file=getattr(sys, where))

    def die():
        os.kill(os.getpid(), 9)

    def nap():
        import time
        time.sleep(60)
"""


@pytest.fixture
def journald():
    """To be asked for before a daemon is, which it outlives."""
    journald = Journald()
    yield journald
    journald.close()


@pytest.fixture
def daemon(journald, start_daemon):
    return start_daemon({"talker": TALKER}, **journald.options())


def test_what_a_worker_says_has_all_fields(daemon, journald):
    client = daemon.connect()
    pid = client.call("talker.pid")
    client.call("talker.say", ["hällo\x1b[1m"])
    client.call("talker.say", ["oh", "stderr"])
    entry = journald.wait("hällo")[0]
    request = entry["JUMPBOOT_REQUEST"]
    assert entry == {
        "SYSLOG_IDENTIFIER": "jumpbootd", "PRIORITY": "6", "JUMPBOOT_PROGRAM_SET": "tests",
        "JUMPBOOT_PROGRAM": "talker", "JUMPBOOT_WORKER": str(pid), "JUMPBOOT_SLOT": "0",
        "JUMPBOOT_REQUEST": request, "JUMPBOOT_STREAM": "stdout",
        "MESSAGE": f"talker[{pid}] #{request}: hällo\\x1B[1m",
    }
    entry = journald.wait("oh", JUMPBOOT_STREAM="stderr")[0]
    assert entry["PRIORITY"] == "4"
    assert int(entry["JUMPBOOT_REQUEST"]) > int(request)
    assert daemon.log() == ""


def test_a_line_names_its_level(daemon, journald):
    daemon.call("talker.write", [["<3>bad\n", "<5>fine\n", "<9>none\n", "x <3>\n"], "stdout"])
    found = [(entry["PRIORITY"], entry["MESSAGE"].split(": ", 1)[1])
             for entry in journald.wait(count=4, JUMPBOOT_STREAM="stdout")]
    assert found == [("3", "bad"), ("5", "fine"), ("6", "<9>none"), ("6", "x <3>")]


def test_no_worker_speaks_to_all_terminals(daemon, journald):
    """The story: what began with <0> was logged as emerg, which is shown to everybody."""
    daemon.call("talker.write", [["<0>fire\n", "<1>smoke\n", "<2>warm\n"], "stdout"])
    found = [(entry["PRIORITY"], entry["MESSAGE"].split(": ", 1)[1])
             for entry in journald.wait(count=3, JUMPBOOT_STREAM="stdout")]
    assert found == [("2", "fire"), ("2", "smoke"), ("2", "warm")]


def test_lines_below_the_level_are_left_out(journald, start_daemon):
    daemon = start_daemon({"talker": TALKER}, server={"log_level": "warning"},
                          **journald.options())
    daemon.call("talker.write", [["one\n", "<6>two\n", "<4>three\n"], "stdout"])
    daemon.call("talker.write", [["<7>four\n", "five\n"]])
    journald.wait("five")
    assert [entry["MESSAGE"].split(": ", 1)[1] for entry in journald.read()] == ["three", "five"]


def text_of(entry):
    return entry["MESSAGE"].split(": ", 1)[1]


def test_a_traceback_with_its_cause_is_one_entry(daemon, journald):
    daemon.call("talker.fail_loudly")
    (entry,) = journald.wait("ValueError")
    lines = text_of(entry).split("\n")
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2:] == ["ValueError: first", "second"]
    assert "During handling of the above exception, another exception occurred:" in lines
    assert "KeyError: 'key'" in lines
    assert entry["PRIORITY"] == "4"
    assert entry["JUMPBOOT_REQUEST"]
    assert len(journald.find(JUMPBOOT_STREAM="stderr")) == 1


def test_what_is_written_in_one_piece_is_one_entry(daemon, journald):
    daemon.call("talker.log")
    daemon.call("talker.write", [["a\n\nb\n", "c\n"]])
    journald.wait("c", JUMPBOOT_STREAM="stderr")
    entries = journald.find(JUMPBOOT_STREAM="stderr")
    logged = text_of(entries[0])
    assert logged.startswith("ERROR:root:<3>it went wrong\nbadly\nTraceback (most recent")
    assert logged.endswith("ZeroDivisionError: division by zero")
    assert [text_of(entry) for entry in entries[1:]] == ["a\n\nb", "c"]


def test_a_thread_that_fails_is_one_entry(daemon, journald):
    daemon.call("talker.raise_in_thread")
    (entry,) = journald.wait("ZeroDivisionError")
    assert text_of(entry).startswith("Exception in thread helper:\nTraceback")


def test_what_does_not_go_through_the_workers_python(daemon, journald):
    daemon.call("talker.child", ["def f(): 1 / 0\nf()"])
    daemon.call("talker.dump")
    (entry,) = journald.wait("ZeroDivisionError")
    assert text_of(entry).startswith("Traceback (most recent call last):\n  File")
    assert "JUMPBOOT_REQUEST" not in entry
    (entry,) = journald.wait("(most recent call first):")
    assert " in dump" in entry["MESSAGE"]


def test_clients_cannot_forge_a_line(daemon, journald):
    name = "no\nPRIORITY=0\nMESSAGE=forged"
    daemon.error(f"talker.{name}")
    daemon.call("talker.say", ["done"])
    journald.wait("done")
    assert not [entry for entry in journald.read() if entry["PRIORITY"] == "0"]
    assert not journald.find("\nMESSAGE")


def test_events_have_their_ids(journald, start_daemon):
    daemon = start_daemon(
        {"talker": {"main": source(TALKER),
                    "request_timeout": "100ms", "slow_request_timeout": "20ms"}},
        **journald.options())
    daemon.error("talker.nap")
    entry = journald.event("REQUEST_SLOW")
    assert entry["JUMPBOOT_FUNCTION"] == "nap" and " in nap" in entry["MESSAGE"]
    entry = journald.event("REQUEST_TIMEOUT")
    assert (entry["JUMPBOOT_FUNCTION"], entry["PRIORITY"]) == ("nap", "4")
    pid = daemon.call("talker.pid")
    daemon.error("talker.die")
    entry = journald.event("WORKER_DIED")
    assert (entry["JUMPBOOT_WORKER"], entry["PRIORITY"]) == (str(pid), "3")
    assert entry["MESSAGE"].endswith("die: was killed by SIGKILL")
    daemon.terminate(signal.SIGHUP)
    assert journald.event("RELOADED")["PRIORITY"] == "5"
    daemon.config_path.write_text("{")
    daemon.terminate(signal.SIGHUP)
    assert journald.event("RELOAD_REFUSED")["PRIORITY"] == "3"
    daemon.terminate(signal.SIGTERM)
    daemon.wait_end()
    journald.wait("stopped")


def test_a_program_that_cannot_start(journald, start_daemon):
    daemon = start_daemon({"broken": {"main": {"source": "1 / 0"}, "restart_threshold": 2}},
                          ready=False, **journald.options())
    entry = journald.event("START_FAILED")
    assert entry["JUMPBOOT_PROGRAM"] == "broken"
    assert "ZeroDivisionError" in entry["MESSAGE"]
    assert journald.event("BACKING_OFF")["JUMPBOOT_PROGRAM"] == "broken"
    assert daemon.is_alive()


def test_a_queue_that_is_full(journald, start_daemon):
    daemon = start_daemon({"gated": {"main": source(GATE_SOURCE), "max_queue_size": 0}},
                          **journald.options())
    gate = daemon.gate()
    client = daemon.connect()
    first = client.request("gated.pass_gate", [gate.path])
    gate.wait_entered()
    assert client.error("gated.pass_gate", [gate.path])["code"] == -32001
    entry = journald.event("QUEUE_FULL")
    assert entry["JUMPBOOT_PROGRAM"] == "gated" and entry["JUMPBOOT_REQUEST"] != str(first)
    gate.release()
    client.receive()


@pytest.mark.valgrind
def test_a_journald_that_does_not_read(daemon, journald):
    """Calls are answered all the same, and nothing of a short burst is lost."""
    client = daemon.connect()
    client.call("talker.talk", [1500])
    for _ in range(100):
        client.call("talker.pid")
    entries = journald.wait("line", count=1500)
    assert [text_of(entry) for entry in entries] == [f"line {n}" for n in range(1500)]


def test_a_journald_that_does_not_read_for_long(journald, start_daemon):
    """What the daemon keeps is bounded; the count of the rest is told where it is missing."""
    daemon = start_daemon({"talker": limited(0, "1s")}, **journald.options())
    client = daemon.connect()
    for _ in range(40):
        client.call("talker.say", ["x" * 8000 + "\n" + "y" * 8000])
        client.call("talker.talk", [400])
    daemon.error("talker.die")
    assert journald.event("WORKER_DIED"), "what matters finds a place"
    # That the next worker is ready may be lost as well.
    wait_until(lambda: len(journald.find(JUMPBOOT_STREAM="stdout")) + lost(journald)
               in (40 * 402, 40 * 402 + 1), "each line to be there or counted")
    assert lost(journald) > 0


def lost(journald):
    found = journald.find(MESSAGE_ID=EVENTS["LOG_LOST"])
    return sum(int(entry["MESSAGE"].rsplit(" ", 1)[1]) for entry in found)


def limited(burst, interval, **options):
    return {"main": source(TALKER), "log_rate_limit_burst": burst,
            "log_rate_limit_interval": interval, **options}


def dropped(journald):
    """What the log says, in all."""
    found = journald.find("lines that were dropped: ", MESSAGE_ID=EVENTS["OUTPUT_LIMITED"])
    return sum(int(entry["MESSAGE"].rsplit(" ", 1)[1]) for entry in found)


def test_a_flood_is_cut_and_counted(journald, start_daemon):
    daemon = start_daemon({"talker": limited(100, "300ms"), "other": limited(100, "300ms")},
                          **journald.options())
    for _ in range(3):
        daemon.call("talker.talk", [20000])
    daemon.call("other.say", ["not limited"])
    wait_until(lambda: dropped(journald) + len(journald.find(": line ")) == 60000,
               "all lines to be logged or counted")
    assert dropped(journald) > 50000
    entry = journald.event("OUTPUT_LIMITED")
    assert (entry["JUMPBOOT_PROGRAM"], entry["PRIORITY"]) == ("talker", "4")
    assert "JUMPBOOT_WORKER" not in entry
    journald.wait("not limited")
    daemon.call("talker.say", ["heard again"])
    journald.wait("heard again")


def test_a_worker_that_floods_for_ever(journald, start_daemon):
    """It is slowed down, can be ended like any other, and its death is reported with its last
    words."""
    daemon = start_daemon({"talker": limited(100, "1h"), "other": TALKER}, **journald.options())
    flooding, other = daemon.connect(), daemon.connect()
    flooding.request("talker.flood", ["stderr"])
    journald.event("OUTPUT_LIMITED")
    for _ in range(200):
        other.call("other.pid")
    pid = int(journald.find(": flood ")[0]["JUMPBOOT_WORKER"])
    assert not flooding.has_input()
    os.kill(pid, signal.SIGKILL)
    error = flooding.receive()["error"]
    assert error["data"]["kind"] == "worker_died"
    assert error["data"]["stderr"].count("flood ") > 100


def test_the_limit_is_that_of_all_workers_together(journald, start_daemon):
    daemon = start_daemon({"talker": limited(100, "1h", min_workers=3, max_workers=3)},
                          **journald.options())
    clients = [daemon.connect() for _ in range(3)]
    for client in clients:
        client.request("talker.talk", [1000])
    for client in clients:
        client.receive()
    daemon.terminate()
    journald.wait("stopped")
    assert daemon.wait_end() == 0
    said = len(journald.find(": line "))
    assert 100 <= said <= 102
    assert said + dropped(journald) == 3000, "told at the end at the latest"


def test_without_a_limit_all_is_logged(journald, start_daemon):
    daemon = start_daemon({"talker": limited(0, "1ms")}, **journald.options())
    client = daemon.connect()
    for number in range(20):
        client.call("talker.talk", [1000])
        journald.wait(": line ", count=1000 * (number + 1))
    assert not journald.find(MESSAGE_ID=EVENTS["OUTPUT_LIMITED"])


def test_a_journald_that_is_away_for_a_while(daemon, journald):
    journald.wait("serving")
    journald.stop()
    daemon.call("talker.say", ["while it was away"])
    journald.start()
    journald.wait("while it was away")
    daemon.call("talker.say", ["and now"])
    journald.wait("and now")


def test_an_end_without_a_journald_does_not_wait(daemon, journald):
    journald.stop()
    daemon.call("talker.say", ["to nobody"])
    daemon.terminate()
    assert daemon.wait_end() == 0
    journald.start()


def test_a_config_that_is_wrong_is_told_in_the_journal(journald, start_daemon):
    daemon = start_daemon({"talker": TALKER}, **journald.options())
    daemon.terminate()
    daemon.wait_end()
    daemon.config_path.write_text('{"listen": 5}')
    with pytest.raises(AssertionError):
        daemon.start()
    daemon.expected_status = 78
    assert journald.wait("jumpbootd.conf:1:12")[0]["PRIORITY"] == "3"


def test_nothing_is_written_while_nothing_is_logged(daemon, journald):
    """A call costs the log nothing, not even a look whether the journal is there."""
    client = daemon.connect()
    client.call("talker.pid")
    journald.wait("ready after")
    with open(f"/proc/{daemon.pid}/io") as file:
        before = dict(line.split(": ") for line in file.read().splitlines())
    for _ in range(200):
        client.call("talker.pid")
    with open(f"/proc/{daemon.pid}/io") as file:
        after = dict(line.split(": ") for line in file.read().splitlines())
    assert int(after["syscw"]) - int(before["syscw"]) <= 2 * 200
    assert os.path.exists(journald.path)
