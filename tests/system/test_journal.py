# SPDX-License-Identifier: MIT
"""What the real journald makes of what the daemon and its workers log, and what the daemon makes of
a journald that does not read."""
import json
import re
from pathlib import Path

import pytest
from box import MEMBER, STRANGER

EVENTS = dict(re.findall(
    r'^EVENT\((\w+),\s*"([0-9a-f]{32})"',
    (Path(__file__).resolve().parents[2] / "common" / "events.def").read_text(), re.M))
JOURNALD = "systemd-journald.service"

TALKER = """
    import logging, os, sys, time, traceback

    def pid():
        return os.getpid()

    def say(*texts, where="stdout"):
        for text in texts:
            print(text, file=getattr(sys, where))

    def talk(lines, text="x"):
        for number in range(lines):
            print("line", number, text)

    def fail_loudly():
        try:
            try:
                {}["key"]
            except KeyError:
                raise ValueError("bad")
        except ValueError:
            traceback.print_exc()

    def log():
        try:
            1 / 0
        except ZeroDivisionError:
            logging.exception("it went wrong")

    def die():
        os.kill(os.getpid(), 11)

    def nap(seconds):
        time.sleep(seconds)
"""


@pytest.fixture
def start(box):
    """start(option=...) starts the service with the program talker, which has these options."""
    def start(**options):
        box.programs("tests", {"programs": {"talker": {
            "main": "talker.py", "min_workers": 1, "max_workers": 1, **options}}}, talker=TALKER)
        box.systemctl("start", "jumpbootd")
        return box
    return start


def event(box, name, text=""):
    return box.wait_journal(text, MESSAGE_ID=EVENTS[name])


def text_of(entry):
    """What follows behind "talker[17] #4: "."""
    return entry["MESSAGE"].split(": ", 1)[1]


def test_what_workers_print(start):
    box = start()
    pid = box.call("talker.pid")
    box.call("talker.say", ["hällo", "<3>trouble", "<7>not logged"])
    box.call("talker.say", ["oops"])
    entry = box.wait_journal("hällo")
    expected = {
        "PRIORITY": "6", "SYSLOG_IDENTIFIER": "jumpbootd", "JUMPBOOT_PROGRAM_SET": "tests",
        "JUMPBOOT_PROGRAM": "talker", "JUMPBOOT_WORKER": str(pid), "JUMPBOOT_SLOT": "0",
        "JUMPBOOT_STREAM": "stdout", "_SYSTEMD_UNIT": "jumpbootd.service",
        "_PID": box.show("MainPID"), "_TRANSPORT": "journal",
    }
    assert {name: entry.get(name) for name in expected} == expected
    assert re.fullmatch(rf"talker\[{pid}\] #{entry['JUMPBOOT_REQUEST']}: hällo", entry["MESSAGE"])
    entry = box.wait_journal("trouble")
    assert (entry["PRIORITY"], text_of(entry)) == ("3", "trouble")
    box.wait_journal("oops")
    assert not [entry for entry in box.journal() if "not logged" in entry.get("MESSAGE", "")]


def test_a_traceback_is_one_entry(start):
    box = start()
    box.call("talker.fail_loudly")
    box.call("talker.log")
    found = box.wait(lambda: len(found := box.journal(JUMPBOOT_STREAM="stderr")) >= 2 and found,
                     "two tracebacks")
    first, second = found
    assert text_of(first).startswith("Traceback (most recent call last):\n")
    assert "\nKeyError: 'key'\n\nDuring handling of the above" in first["MESSAGE"]
    assert first["MESSAGE"].endswith("\nValueError: bad")
    assert text_of(second).startswith("ERROR:root:it went wrong\nTraceback")
    assert {entry["PRIORITY"] for entry in found} == {"4"}


def test_events_of_requests_and_workers(start):
    box = start(slow_request_timeout="50ms", request_timeout="300ms", max_queue_size=0)
    assert box.error("talker.nap", [60])["data"]["kind"] == "timeout"
    entry = event(box, "REQUEST_SLOW")
    assert (entry["JUMPBOOT_FUNCTION"], entry["JUMPBOOT_PROGRAM"]) == ("nap", "talker")
    assert " in nap\n" in entry["MESSAGE"], "the stack is part of the entry"
    entry = event(box, "REQUEST_TIMEOUT")
    assert entry["JUMPBOOT_FUNCTION"] == "nap" and entry["PRIORITY"] == "4"
    pid = box.call("talker.pid")
    assert box.error("talker.die")["data"]["signal"] == "SIGSEGV"
    entry = event(box, "WORKER_DIED")
    assert (entry["JUMPBOOT_WORKER"], entry["JUMPBOOT_FUNCTION"]) == (str(pid), "die")
    assert entry["PRIORITY"] == "3" and "was killed by SIGSEGV" in entry["MESSAGE"]


def test_events_of_the_config(start):
    box = start()
    assert box.systemctl("reload", "jumpbootd", check=False).returncode == 0
    assert event(box, "RELOADED")["PRIORITY"] == "5"
    box.programs("broken", {"programs": {"broken": {"main": {"source": "1 / 0"}}}})
    assert box.systemctl("reload", "jumpbootd", check=False).returncode != 0
    entry = event(box, "START_FAILED")
    assert entry["JUMPBOOT_PROGRAM"] == "broken" and "ZeroDivisionError" in entry["MESSAGE"]
    assert event(box, "BACKING_OFF")["JUMPBOOT_PROGRAM"] == "broken"
    box.write("/etc/jumpbootd/programs.d/broken.conf", "{")
    assert box.systemctl("reload", "jumpbootd", check=False).returncode != 0
    assert event(box, "RELOAD_REFUSED")["PRIORITY"] == "3"


def test_a_flood_is_cut_by_the_daemon_alone(start):
    """The limit is the program's; that of journald, which is for the whole service, stays out."""
    box = start(log_rate_limit_burst=1000, log_rate_limit_interval="1s")
    assert box.show("LogRateLimitIntervalUSec") == "0"
    box.call("talker.talk", [20000])
    entry = event(box, "OUTPUT_LIMITED", "dropped: ")
    assert entry["JUMPBOOT_PROGRAM"] == "talker"
    dropped = int(entry["MESSAGE"].rsplit(" ", 1)[1])
    said = [text_of(entry) for entry in box.journal(JUMPBOOT_STREAM="stdout")]
    assert said == [f"line {number} x" for number in range(len(said))]
    assert len(said) + dropped == 20000


def test_a_journald_that_is_stopped(start):
    """Calls go on being answered; then the journal has what the daemon could keep, and how much it
    could not."""
    box = start(log_rate_limit_burst=0)
    box.call("talker.say", ["before"])
    box.wait_journal("before")
    client = box.connect()
    box.systemctl("kill", "--kill-whom=main", "--signal=STOP", JOURNALD)
    try:
        load = box.load("talker.pid", clients=2)
        client.call("talker.talk", [8000, "x" * 500])
        for _ in range(100):
            client.call("talker.pid")
        counts = load.stop()
        client.call("talker.say", ["still here"])
    finally:
        box.systemctl("kill", "--kill-whom=main", "--signal=CONT", JOURNALD)
    assert counts["answered"] > 0 and not counts["errors"], counts
    lost = event(box, "LOG_LOST")
    assert lost["PRIORITY"] == "4"
    count = int(lost["MESSAGE"].rsplit(" ", 1)[1])
    said = [entry for entry in box.journal(JUMPBOOT_STREAM="stdout") if "line " in entry["MESSAGE"]]
    assert len(said) + count in (8000, 8001), "all of them, or that it was still here is lost too"
    box.call("talker.say", ["afterwards"])
    box.wait_journal("afterwards")


def test_a_journald_that_is_restarted(start):
    box = start(log_rate_limit_burst=0)
    client = box.connect()
    client.request("talker.talk", [3000])
    box.systemctl("restart", JOURNALD)
    client.receive()
    client.call("talker.talk", [1000])
    client.call("talker.say", ["the last of them"])
    box.wait_journal("the last of them")
    said = [text_of(entry) for entry in box.journal(JUMPBOOT_STREAM="stdout")]
    assert [text for text in said if text.startswith("line ")] == [
        f"line {number} x" for count in (3000, 1000) for number in range(count)]


def test_the_last_words_of_the_daemon(start):
    box = start()
    box.call("talker.talk", [2000])
    box.systemctl("stop", "jumpbootd")
    assert box.wait_journal("stopped", SYSLOG_IDENTIFIER="jumpbootd")
    assert len(box.journal(JUMPBOOT_STREAM="stdout")) == 2000


# jumpbootctl logs


def logs(box, *words, **options):
    return box.run("jumpbootctl", "logs", *words, **options)


def test_logs(start):
    box = start()
    box.programs("more", {"programs": {"other": {
        "main": {"source": "import sys\ndef f():\n    print('out'); print('err', file=sys.stderr)"}}}})
    box.systemctl("reload", "jumpbootd")
    pid = box.call("talker.pid")
    box.call("talker.say", ["by talker"])
    box.call("other.f")
    box.wait_journal("by talker")
    box.wait_journal("err", JUMPBOOT_PROGRAM="other")
    everything = logs(box, "-o", "cat").stdout
    assert "by talker" in everything and ": out\n" in everything and "serving" in everything
    assert "Starting jumpbootd.service" in everything, "what systemd tells of the service, too"
    assert "by talker" not in logs(box, "other", "-o", "cat").stdout
    assert ": err\n" in logs(box, "other", "-o", "cat", "-p", "warning").stdout
    assert ": out\n" not in logs(box, "other", "-o", "cat", "-p", "warning").stdout
    assert "by talker" in logs(box, "--worker", pid, "-o", "cat").stdout
    entry = json.loads(logs(box, "talker", "--json", "-n", "1").stdout)
    assert entry["JUMPBOOT_PROGRAM"] == "talker"
    assert "by talker" in logs(box, "talker", "--since", "-1h", "--until", "+1h").stdout


def test_logs_as_they_come(start):
    box = start()
    following = box.popen("jumpbootctl", "logs", "-f", "-o", "cat", "talker")
    number = 0
    while True:
        # What is said before it follows may not be shown: it is said until it is.
        box.call("talker.say", [f"number {number}"])
        number += 1
        line = following.stdout.readline()
        if re.search(r": number \d+$", line):
            break
    box.call("talker.say", ["and this"])
    while "and this" not in line:
        line = following.stdout.readline()
        assert line, following.stderr.read()


def test_logs_for_whom(start):
    box = start()
    box.call("talker.say", ["secret"])
    box.wait_journal("secret")
    denied = logs(box, "-n", "all", user=STRANGER, check=False)
    assert (denied.returncode, denied.stdout) == (77, "")
    assert "you may not read the journal" in denied.stderr
    assert "secret" in logs(box, "-n", "all", user=MEMBER, group="systemd-journal").stdout
