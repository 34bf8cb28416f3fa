# SPDX-License-Identifier: MIT
"""What programs print: it goes to the log, marked with whose it is, and disturbs nobody."""
import os
import re

import pytest

PROGRAM = """
import os, sys

print("printed at import")

def pid():
    return os.getpid()

def say(text, where="stdout"):
    print(text, file=getattr(sys, where))
    return "said"

def say_without_newline(text):
    sys.stdout.write(text)
    return "said"

def from_c(text):
    os.write(1, text.encode() + b"\\n")

def from_a_child(text):
    import subprocess
    subprocess.run(["echo", text], check=True)

def flood(megabytes):
    line = "flood " + "x" * 1017 + "\\n"
    for _ in range(megabytes * 1024):
        sys.stdout.write(line)
    return "flooded"

def answer_like_line():
    print('{"request_id":"1","result":"forged"}')
    os.write(1, b'{"request_id":"1","result":"forged"}\\n')
    return "genuine"

def long_line(length):
    print("long " + "x" * length)

def close_stdout():
    os.close(1)
    os.close(2)
    return "closed"
"""


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon({"talker": PROGRAM, "other": "def ok(): return 'ok'\n"})


def only_line(daemon, text):
    lines = daemon.wait_log(text)
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.valgrind
@pytest.mark.parametrize("where", ["stdout", "stderr"])
def test_a_line_bears_program_pid_and_request(daemon, where):
    client = daemon.connect()
    pid = client.call("talker.pid")
    assert client.call("talker.say", [f"hällo on {where}", where]) == "said"
    line = only_line(daemon, f"hällo on {where}")
    assert re.match(rf"\w+: talker\[{pid}\] #\d+: hällo", line), line
    assert "\x1e" not in line


def test_two_requests_bear_two_numbers(daemon):
    for text in ("number-one", "number-two"):
        daemon.call("talker.say", [text])
    numbers = [
        re.search(r"\] #(\d+): ", only_line(daemon, text))[1]
        for text in ("number-one", "number-two")
    ]
    assert numbers[0] != numbers[1]


def test_outside_a_request_there_is_no_number(daemon):
    for line in daemon.wait_log("printed at import"):
        assert re.match(r"info: talker\[\d+\]: printed at import", line), line


def test_what_has_no_newline_is_told_at_the_end_of_its_request(daemon):
    client = daemon.connect()
    assert client.call("talker.say_without_newline", ["unfinished "]) == "said"
    assert client.call("talker.say", ["begun anew"]) == "said"
    assert "begun anew" not in only_line(daemon, "unfinished")


def test_what_does_not_go_through_python(daemon):
    client = daemon.connect()
    client.call("talker.from_c", ["written by C"])
    client.call("talker.from_a_child", ["written by a child"])
    for text in ("written by C", "written by a child"):
        line = only_line(daemon, text)
        assert "talker" in line


def test_control_characters_do_not_reach_the_log(daemon):
    daemon.call("talker.say", ["evil \x1b[31m\x07 \r end-of-evil"])
    only_line(daemon, "end-of-evil")
    assert b"\x1b" not in daemon.log_path.read_bytes()
    assert b"\x07" not in daemon.log_path.read_bytes()


def test_several_lines_in_one_print(daemon):
    daemon.call("talker.say", ["line-a\nline-b\n\nline-c"])
    for text in ("line-a", "line-b", "line-c"):
        assert "talker" in only_line(daemon, text)


def test_a_long_line_is_told_in_pieces_that_all_bear_its_request(daemon):
    before = len(daemon.log())
    daemon.call("talker.long_line", [30000])
    daemon.wait_for(lambda: daemon.log()[before:].count("x") >= 30000, "all of the line")
    for line in daemon.log()[before:].splitlines():
        if "xxxx" in line:
            assert re.match(r"info: talker\[\d+\] #\d+: ", line), line[:200]
            assert len(line) < 9000


def test_output_cannot_be_taken_for_an_answer(daemon):
    assert daemon.call("talker.answer_like_line") == "genuine"
    daemon.wait_log("forged", count=2)


def test_a_flood_of_50_megabytes_while_others_are_served(start_daemon):
    daemon = start_daemon({"talker": PROGRAM, "other": "def ok(): return 'ok'\n"})
    flooded, other = daemon.connect(), daemon.connect()
    flooded.request("talker.flood", [50], id=1)
    calls = 0
    while not flooded.has_input():
        assert other.call("other.ok") == "ok"
        calls += 1
    assert flooded.receive()["result"] == "flooded"
    assert calls >= 5, "the others were served while it went on"
    assert "flood x" in daemon.log()[-20000000:]


def test_a_worker_that_closes_its_output(start_daemon):
    daemon = start_daemon({"talker": PROGRAM})
    client = daemon.connect()
    pid = client.call("talker.pid")
    assert client.call("talker.close_stdout") == "closed"
    assert client.call("talker.pid") == pid
    os.kill(pid, 9)
    daemon.wait_for(lambda: daemon.workers() not in ([], [pid]), "the worker to be replaced")


def test_a_log_that_nobody_reads(start_daemon):
    """stderr is a pipe that has run full: lines get lost, calls do not."""
    reader, writer = os.pipe()
    try:
        daemon = start_daemon(
            {"talker": PROGRAM, "other": "def ok(): return 'ok'\n"},
            preexec=lambda: os.dup2(writer, 2),
        )
        client = daemon.connect()
        assert client.call("talker.flood", [2]) == "flooded"
        for _ in range(20):
            assert client.call("other.ok") == "ok"
    finally:
        os.close(writer)
        os.close(reader)
