# SPDX-License-Identifier: MIT
"""Workers that break the rules of the worker pipes, in the place of tools/fake_worker.py.

Whatever they do: the request gets one answer, the daemon stays as it was, the worker is replaced.
"""
import os
import signal

import pytest
from harness import fake_worker, is_gone, processes_with, wait_until


@pytest.fixture
def faulty(start_daemon):
    """faulty(mode, ...) starts a daemon with such a program, and a good one beside it."""

    def start(mode, server=None, **options):
        options = {"terminate_timeout": "500ms", "restart_threshold": 1000, **options}
        return start_daemon(
            {"app": fake_worker(mode, **options), "other": "def ok(): return 'ok'\n"},
            server=server,
        )

    return start


@pytest.mark.parametrize("mode", ["behave", "answer-backwards", "close-status"])
def test_unusual_and_right(faulty, mode):
    daemon = faulty(mode)
    (before,) = [pid for pid in daemon.workers() if b"fake" in open(
        f"/proc/{pid}/cmdline", "rb").read()]
    client = daemon.connect()
    for _ in range(3):
        assert client.call("app.work") in ("done", before)
    assert not is_gone(before)


def test_a_ready_message_that_is_not_as_agreed(faulty):
    """`methods` is no object: the worker is refused, or has no methods; discovering goes on."""
    daemon = faulty("status-without-methods")
    client = daemon.connect()
    names = [method["name"] for method in client.call("rpc.discover")["methods"]]
    assert "other.ok" in names
    assert client.call("other.ok") == "ok"
    assert client.error("app.work", timeout=0.5)["code"] in (-32002, -32005)


def test_an_answer_that_comes_byte_by_byte(faulty):
    assert faulty("answer-bytewise").call("app.work") == "é" * 10


@pytest.mark.valgrind
@pytest.mark.parametrize(
    "mode",
    ["garbage", "binary", "close-answers", 'counting-line={"request_id":"9999","result":1}',
     'counting-line={"request_id":"ID"}', 'counting-line={"result":1}',
     'other-line=["request_id","ID"]', 'other-line={"request_id":"ID","result":1,"result":2}'],
)
def test_a_violation_costs_the_worker_its_life(faulty, mode):
    daemon = faulty(mode, server={"max_response_size": "1M"})
    client = daemon.connect()
    old = client.call("app.pid")
    error = client.error("app.work")
    assert error["code"] == -32003, error
    assert error["data"]["pid"] == old
    assert error["data"]["reason"]
    wait_until(lambda: is_gone(old), "the faulty worker to be killed")
    assert client.call("app.pid") != old
    assert daemon.log_lines(error["data"]["reason"])
    assert client.call("other.ok") == "ok"


@pytest.mark.valgrind
@pytest.mark.parametrize("mode", ["answer-twice", "unnamed-twice", "answer-unasked"])
def test_answers_to_nothing(faulty, mode):
    """The first is the answer. What comes after it belongs to nobody: not to the next request, which
    may wait for the worker already, either."""
    daemon = faulty(mode, max_workers=1)
    client = daemon.connect()
    worker = client.call("app.pid")
    for number in range(20):
        client.request("app.work", id=number)
    for number in range(20):
        assert client.receive() == {"jsonrpc": "2.0", "id": number, "result": "done"}
    assert client.call("app.pid") == worker
    assert daemon.wait_log("ignoring an answer that is to none of its requests")
    assert not client.has_input()


@pytest.mark.valgrind
@pytest.mark.parametrize("line, message", [
    ('{"request_id":"ID"}', "without exactly one of result and error"),
    ('{"value":3}', "without exactly one of result and error"),
    ('{"request_id":"ID","result":1,"error":"x"}', "without exactly one of result and error"),
    ('{"request_id":"999999999","result":1}', "a request_id that it was not given"),
    ('{"request_id":"mine","result":1}', "a request_id that it was not given"),
    ('{"request_id":["ID"],"result":1}', "a request_id that it was not given"),
])
def test_what_is_no_answer_is_an_error_of_its_request(faulty, line, message):
    """And of no other, nor of the worker, whose next answer may be a good one."""
    daemon = faulty("other-line=" + line)
    client = daemon.connect()
    worker = client.call("app.pid")
    for _ in range(3):
        error = client.error("app.work")
        assert (error["code"], error["data"]["kind"]) == (-32000, "exception")
        assert message in error["message"]
    assert client.call("app.pid") == worker
    assert client.call("other.ok") == "ok"


@pytest.mark.parametrize("line, result", [
    ('{"result":[1]}', [1]), ('{"request_id":null,"result":2}', 2), ('{"request_id":ID,"result":3}', 3),
    ('{"error":null,"result":4}', 4), ('{"result":null,"request_id":"ID"}', None),
])
def test_answers_in_other_words(faulty, line, result):
    daemon = faulty("other-line=" + line)
    for _ in range(3):
        assert daemon.call("app.work") == result


@pytest.mark.valgrind
@pytest.mark.parametrize("mode", ["huge-answer=3000000", "endless-answer"])
def test_an_answer_over_the_largest_size(faulty, mode):
    """Its request is told so; the worker, of which nobody knows when it comes to an end, goes."""
    daemon = faulty(mode, server={"max_response_size": "1M"})
    client = daemon.connect()
    old = client.call("app.pid")
    error = client.error("app.work")
    assert error["data"]["kind"] == "too_large"
    assert "max_response_size, 1048576 bytes" in error["data"]["detail"]
    wait_until(lambda: is_gone(old), "the worker to be ended")
    assert client.call("app.pid") != old
    assert client.call("other.ok") == "ok"


@pytest.mark.parametrize(
    "mode, key, value",
    [
        ("half-line-then-exit=0", "exit_status", 0),
        ("half-line-then-exit=9", "exit_status", 9),
        ("killed-in-answer", "signal", "SIGKILL"),
    ],
)
def test_half_an_answer_is_none(faulty, mode, key, value):
    daemon = faulty(mode)
    error = daemon.error("app.work")
    assert error["code"] == -32003
    assert error["data"][key] == value


def test_half_an_answer_and_then_nothing(faulty):
    daemon = faulty("half-line-then-stay")
    assert daemon.error("app.work", timeout=0.3)["code"] == -32002


def test_an_answer_and_then_the_end(faulty):
    """What was answered counts, however soon after it the worker died."""
    daemon = faulty("answer-then-exit=1")
    client = daemon.connect()
    for _ in range(10):
        worker = client.call("app.pid")
        assert client.call("app.work") == "done"
        wait_until(lambda: is_gone(worker), "the worker to end")
        daemon.wait_ready()


def test_an_error_in_the_words_of_other_programs(faulty):
    error = faulty("plain-error").error("app.work")
    assert (error["code"], error["message"]) == (-32000, "it went wrong")
    assert "somewhere" in error["data"]["traceback"]


@pytest.mark.parametrize("mode", ["flood-stderr=20000000", "flood-without-newline=20000000"])
def test_floods_of_output(faulty, mode):
    daemon = faulty(mode)
    flooded, other = daemon.connect(), daemon.connect()
    flooded.request("app.work", id=1)
    for _ in range(50):
        assert other.call("other.ok") == "ok"
    assert flooded.receive()["result"] == "done"


def test_output_that_is_no_text(faulty):
    daemon = faulty("binary-output")
    assert daemon.call("app.work") == "done"
    assert daemon.wait_log("forged prefix")
    log = daemon.log_path.read_bytes()
    assert b"\x1b" not in log and b"\x00" not in log, "control characters do not reach the log"


def test_a_worker_that_never_reads(faulty):
    """A request larger than the pipe stays with the daemon until its deadline."""
    daemon = faulty("never-read")
    big = "x" * (4 << 20)
    client = daemon.connect()
    client.request("app.work", {"value": big}, id=1, timeout=0.5)
    client.request("other.ok", id=2)
    answers = client.receive_by_id(2)
    assert answers[2]["result"] == "ok"
    assert answers[1]["error"]["code"] == -32002


def test_a_worker_that_closes_its_request_pipe(start_daemon):
    """That is seen at once, and not only when a request comes; nothing is run, so nothing is lost:
    who asks is told that the program cannot serve."""
    daemon = start_daemon(
        {"app": fake_worker("close-requests", restart_threshold=2),
         "other": "def ok(): return 'ok'\n"},
        ready=False,
    )
    daemon.wait_log("was ended: it closed the pipe that it reads requests from")
    error = daemon.error("app.work")
    assert error["code"] == -32005
    assert "closed the pipe" in error["data"]["error"]["message"]
    assert daemon.call("other.ok") == "ok"


def test_a_worker_that_ignores_sigterm(faulty):
    daemon = faulty("ignore-sigterm", terminate_timeout="200ms")
    old = daemon.call("app.pid")
    assert daemon.error("app.work", timeout=0.3)["code"] == -32002
    wait_until(lambda: is_gone(old), "SIGKILL to follow")


def test_an_exception_told_in_the_midst_of_a_request(faulty):
    daemon = faulty("late-exception")
    error = daemon.error("app.work")
    assert error["code"] == -32003
    assert error["data"]["exit_status"] == 1


def test_a_grandchild_that_keeps_the_pipes_open_holds_nothing_up(faulty):
    daemon = faulty("leave-grandchild")
    try:
        error = daemon.error("app.work", timeout=20)
        assert error["code"] == -32003
        assert error["data"]["exit_status"] == 4
        daemon.wait_ready()
    finally:
        # It has left the worker's process group: ending it is this test's own business.
        for pid in set(processes_with(daemon.mark)) - set(daemon.workers()):
            os.kill(pid, signal.SIGKILL)
