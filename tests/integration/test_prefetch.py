# SPDX-License-Identifier: MIT
"""Requests that are sent to a worker before it has answered what it has.

Whether one of them has begun is known from a file: each call writes a line there.
"""
import json
import os
import random
import signal

import pytest
from harness import Gate, wait_until
from harness import error_of as any_error_of

FUNCTIONS = """
import os
import time
import jumpboot

marks = os.open(os.environ["MARKS"], os.O_WRONLY | os.O_APPEND)

def work(token, gate=None, words=None):
    os.write(marks, b"%d\\n" % token)
    if words:
        os.write(2, words.encode())
        os.kill(os.getpid(), 9)
    if gate:
        with open(gate) as file:
            file.read()
    return token

def sleep(token):
    time.sleep(0.002)
    return token

def relay(token, *methods):
    return jumpboot.call(methods[0], token, *methods[1:]) if methods else token
"""


@pytest.fixture
def marks(tmp_path):
    path = tmp_path / "marks"
    path.touch()
    return path


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path / "gate")


@pytest.fixture
def start(start_daemon, marks):
    def start(*names, warm=True, server=None, **options):
        options = {"main": {"source": FUNCTIONS}, "env": {"MARKS": str(marks)},
                   "max_queue_size": 100000, **options}
        daemon = start_daemon({name: options for name in names or ["app"]},
                              server=server or {})
        if warm:
            with daemon.connect() as client:
                for name in names or ["app"]:
                    pipeline(client, 0, [[f"{name}.{function}", [-1]]
                                         for function in ("work", "relay") * 40])
        return daemon
    return start


def error_of(answer, kind):
    error = any_error_of(answer)
    assert error["data"]["kind"] == kind
    return error


def lines(first, calls):
    return b"".join(
        json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
        + b"\n" for number, (method, params) in enumerate(calls, first))


def pipeline(client, first, calls):
    """All at once; the answers by their ids."""
    client.send_raw(lines(first, calls))
    answers = [client.receive() for _ in calls]
    by_id = {answer["id"]: answer for answer in answers}
    assert sorted(by_id) == list(range(first, first + len(calls)))
    return by_id


def begun(marks):
    return [int(line) for line in marks.read_text().split() if line != "-1"]


def wait_queue(daemon, **members):
    def has_come():
        queue = daemon.program_status("app")["queue"]
        return all(queue[key] == value for key, value in members.items())
    wait_until(has_come, f"a queue with {members}")


def test_short_functions_are_sent_ahead(start):
    daemon = start(max_workers=1, prefetch_time="100ms")
    with daemon.connect() as client:
        answers = pipeline(client, 1, [["app.work", [n]] for n in range(1, 61)])
    assert all(answers[n]["result"] == n for n in range(1, 61))
    assert daemon.program_status("app")["sent_ahead"] > 0
    assert daemon.program_status("app")["queue"]["ahead"] == 0


def test_slow_functions_are_not(start):
    daemon = start(warm=False, max_workers=1)
    with daemon.connect() as client:
        for _ in range(3):
            answers = pipeline(client, 1, [["app.sleep", [n]] for n in range(1, 41)])
            assert all(answers[n]["result"] == n for n in range(1, 41))
    assert daemon.program_status("app")["sent_ahead"] == 0


def test_it_can_be_turned_off(start):
    daemon = start(max_workers=1, prefetch_time="0")
    with daemon.connect() as client:
        pipeline(client, 1, [["app.work", [n]] for n in range(1, 61)])
    assert daemon.program_status("app")["sent_ahead"] == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_what_stands_behind_one_that_hangs_is_served_by_another(start, gate, workers):
    """The other one is there already, or is started for it."""
    daemon = start(min_workers=workers, max_workers=2, prefetch_time="50ms", idle_timeout="100ms")
    with daemon.connect() as client:
        client.send_raw(lines(1, [["app.work", [1, gate.path]]]
                              + [["app.work", [n]] for n in range(2, 31)]))
        assert sorted(client.receive()["id"] for _ in range(29)) == list(range(2, 31))
        assert daemon.program_status("app")["taken_back"] > 0
        gate.wait_entered()
        gate.release()
        assert client.receive()["result"] == 1
    assert daemon.program_status("app")["requests"]["ok"] == 80 + 30


PATIENT = {"max_workers": 1, "prefetch_time": "1s"}  # however slow the machine is


def stand_behind(daemon, client, gate, n):
    """Requests 2 to n + 1 stand with the only worker behind request 1."""
    client.send_raw(lines(1, [["app.work", [1, gate.path]]]
                          + [["app.work", [token]] for token in range(2, n + 2)]))
    gate.wait_entered()
    wait_queue(daemon, ahead=n)


def test_cancels_and_deadlines_of_what_has_not_begun(start, gate, marks):
    daemon = start(**PATIENT)
    with daemon.connect() as client:
        stand_behind(daemon, client, gate, 3)
        client.request("app.work", [9], id=9, timeout=0.05)
        answer = client.receive()
        assert answer["id"] == 9
        error = error_of(answer, "timeout")
        assert (error["data"]["stage"], error["data"]["started"]) == ("queue", False)
        client.notify("$/cancelRequest", {"id": 3})
        answer = client.receive()
        assert answer["id"] == 3
        assert error_of(answer, "cancelled")["data"]["started"] is False
        gate.release()
        assert [client.receive()["result"] for _ in range(3)] == [1, 2, 4]
        assert client.call("app.work", [5]) == 5
    assert begun(marks) == [1, 2, 4, 5]
    assert daemon.program_status("app")["fates"]["interrupted"] == 0


def test_a_client_that_leaves_takes_what_has_not_begun_with_it(start, gate, marks):
    daemon = start(**PATIENT)
    with daemon.connect() as client:
        stand_behind(daemon, client, gate, 5)
    wait_queue(daemon, ahead=0, length=0)
    gate.release()
    with daemon.connect() as client:
        assert client.call("app.work", [7]) == 7
    assert begun(marks) == [1, 7]


def test_one_that_is_killed_as_was_asked_gives_back_the_rest(start, gate, marks):
    daemon = start(**PATIENT)
    with daemon.connect() as client:
        stand_behind(daemon, client, gate, 5)
        [pid] = daemon.workers()
        with daemon.connect() as admin:
            admin.call("jumpbootd.kill", {"pid": pid})
        answers = [client.receive() for _ in range(6)]
    assert error_of(answers[0], "cancelled")["data"]["started"] is True
    assert [answer["result"] for answer in answers[1:]] == [2, 3, 4, 5, 6]
    assert begun(marks) == [1, 2, 3, 4, 5, 6]


def test_callers_are_served_in_turn(start, gate, marks):
    daemon = start(**PATIENT, server={"max_client_requests": 1000})
    with daemon.connect() as many, daemon.connect() as few:
        stand_behind(daemon, many, gate, 62)
        many.send_raw(lines(64, [["app.work", [n]] for n in range(64, 564)]))
        wait_queue(daemon, length=500)
        few.send_raw(lines(1, [["app.work", [1001]], ["app.work", [1002]]]))
        wait_queue(daemon, length=502)
        gate.release()
        assert [few.receive()["result"] for _ in range(2)] == [1001, 1002]
        assert [many.receive()["result"] for _ in range(563)] == list(range(1, 564))
    order = begun(marks)
    assert order.index(1001) < 70 and order.index(1002) < 70


def test_what_waits_for_a_call_gives_back_the_rest(start):
    """Each call of a program goes through two others, whose only workers wait for it."""
    daemon = start("app", "b", "c", max_workers=1)
    calls = [["app.relay", [n, "b.relay", "c.relay"]] if n % 2 else ["b.relay", [n, "c.work"]]
             for n in range(1, 61)]
    with daemon.connect() as client:
        for _ in range(5):
            answers = pipeline(client, 1, calls)
            assert [answers[n].get("result") for n in range(1, 61)] == list(range(1, 61))


def test_no_worker_gets_more_than_it_may_serve(start):
    daemon = start(min_workers=2, max_workers=2, max_requests=50)
    with daemon.connect() as client:
        for _ in range(20):
            answers = pipeline(client, 1, [["app.work", [n]] for n in range(1, 61)])
            assert all(answers[n]["result"] == n for n in range(1, 61))
        wait_until(lambda: daemon.program_status("app")["recycled"].get("max_requests"),
                   "a worker that was replaced")


def test_the_last_words_of_one_that_was_sent_ahead(start):
    """It has begun before the answer to the one before it has been read."""
    daemon = start(**PATIENT)
    calls = [["app.work", [n]] for n in range(1, 21)]
    calls.append(["app.work", [21, None, "the last words\n"]])
    with daemon.connect() as client:
        for _ in range(3):
            answers = pipeline(client, 1, calls)
            error = error_of(answers.pop(21), "worker_died")
            assert error["data"]["stderr"] == "the last words\n"
            assert sorted(answer["result"] for answer in answers.values()) == list(range(1, 21))


def test_deaths_in_the_midst_of_many_requests(start, marks):
    """Every request has one right answer, and is begun at most once. None fails but those that had
    begun."""
    daemon = start(min_workers=2, max_workers=2, server={"max_client_requests": 500},
                   restart_threshold=1000)
    n, clients, shuffled = 2000, [daemon.connect() for _ in range(3)], random.Random(17)
    for number, client in enumerate(clients):
        client.send_raw(lines(0, [["app.work", [number * n + i]] for i in range(500)]))
    killed, died = 0, []
    seen = [set() for _ in clients]
    sent = [500] * len(clients)
    for turn in range(n):
        for number, client in enumerate(clients):
            answer = client.receive()
            token = answer["id"]
            assert token not in seen[number]
            seen[number].add(token)
            if "error" in answer:
                assert error_of(answer, "worker_died")["data"]["started"] is True
                died.append(number * n + token)
            else:
                assert answer["result"] == number * n + token
            if sent[number] < n:
                client.send_raw(lines(sent[number], [["app.work", [number * n + sent[number]]]]))
                sent[number] += 1
        if turn % 200 == 100:
            for pid in shuffled.sample(daemon.workers(), 1):
                os.kill(pid, signal.SIGKILL)
                killed += 1
    assert all(tokens == set(range(n)) for tokens in seen)
    order = begun(marks)
    assert len(order) == len(set(order))
    # One that died may have been killed between its counting as begun and its first step.
    assert set(range(len(clients) * n)) - set(died) <= set(order)
    assert killed > 0 and len(died) <= killed
    for client in clients:
        client.close()
