# SPDX-License-Identifier: MIT
"""What a worker tells in the shared pages of its requests, and that it skips some of them."""
import pytest
from worker_fixtures import python, spawn, start  # noqa: F401
from worker_host import program

SKIPPED = {"error": "skipped", "kind": "cancelled", "data": {"kind": "cancelled"}}


def test_requests_are_counted(start):
    worker = start('''
        def add(a, b): return a + b
        def fail(): 1 / 0
    ''')
    assert worker.counts is True
    assert worker.pages.counts() == (0, 0)
    for count, (function, params) in enumerate(
            (("add", [1, 2]), ("fail", {}), ("unknown", {}), ("add", [1]), ("add", b"[1e999, 1]"),
             ("add", b"7")), 1):
        worker.call(function, params)
        assert worker.pages.counts() == (count, count)


def test_request_that_runs_has_begun_and_not_ended(start):
    worker = start('''
        import signal
        def wait(): signal.sigwait([signal.SIGUSR2])
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    ''')
    worker.send(worker.request("wait")[0] * 3)
    for count in range(3):
        worker.pages.wait_for_counts(count + 1, count)
        worker.signal("USR2")
        worker.answer()
    assert worker.pages.counts() == (3, 3)


def test_run_times_are_told(start):
    """A request that surely takes long, among others; those that fail or cannot be found, too."""
    worker = start('''
        import time
        def nap(): time.sleep(0.2)
        def fail(): 1 / 0
    ''')
    worker.call("nap")
    times = worker.pages.run_times(1)
    assert times[1] >= 200_000_000
    for ordinal in range(2, 131):
        worker.send(worker.request(("fail", "unknown", "nap")[0 if ordinal != 99 else 2])[0])
        worker.answer()
    times = worker.pages.run_times(130)
    assert len(times) == 64 and all(times.values())
    assert times[99] >= 200_000_000
    # The end of one is the beginning of the next, unless that came later.
    assert worker.pages.run_times(1) == {1: times[129]}


def test_unwanted_requests_are_skipped(start):
    worker = start('''
        called = []
        def add(number): called.append(number)
        async def add_async(number): called.append(number)
        def numbers(): return called
    ''')
    for ordinal in range(1, 1200):
        function = ("add", "add_async")[ordinal % 2]
        if ordinal % 5 == 0:
            worker.pages.want(ordinal, ordinal % 3 == 0)
        answer = worker.call(function, [ordinal])
        if ordinal % 5 == 0:
            assert answer == {"request_id": str(ordinal), **SKIPPED}
        else:
            assert answer["result"] is None
    assert worker.result("numbers") == [n for n in range(1, 1200) if n % 5]
    assert worker.pages.counts() == (1200, 1200)


def test_skipped_among_others_that_are_there_already(start):
    worker = start("def double(n): return 2 * n")
    worker.pages.want(2)
    worker.pages.want(4, is_cancelled=True)
    worker.send(b"".join(worker.request("double", [n])[0] for n in range(1, 6)))
    assert [worker.answer().get("result", "skipped") for _ in range(5)] == [
        2, "skipped", 6, "skipped", 10]


def test_cells_of_other_requests_mean_nothing(start):
    """512 requests share a cell; the handler and the look before a call take the same one."""
    worker = start("def double(n): return 2 * n")
    for ordinal in (0, 513, 514 + 512, 2 ** 62):
        worker.interrupt(ordinal)
    for ordinal in range(1, 513):
        assert worker.result("double", [ordinal]) == 2 * ordinal
    assert worker.call("double", [513]) == {"request_id": "513", **SKIPPED}
    assert worker.result("double", [514]) == 1028


def test_forked_child_counts_nothing(start):
    worker = start('''
        import os
        def split():
            child = os.fork()
            if child == 0: return "child"
            os.waitpid(child, 0)
            return "parent"
    ''')
    for count in range(1, 4):
        assert worker.result("split") == "parent"
        assert worker.pages.counts() == (count, count)


@pytest.mark.parametrize("function", ["fork", "process"])
def test_forked_child_cannot_write_the_pages(start, function):
    """It runs on into the loop with the same objects; its counts are its own."""
    worker = start('''
        import multiprocessing, os, signal
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
        def fork():
            if os.fork() == 0: return "the child ends this request before its parent does"
            return _wait()
        def process():
            multiprocessing.get_context("fork").Process(target=str).start()
            return _wait()
        def _wait():
            os.wait()
            signal.sigwait([signal.SIGUSR2])
            return "parent"
    ''')
    worker.send(worker.request(function)[0])
    worker.pages.wait_for_counts(1, 0)
    worker.signal("USR2")
    assert worker.answer()["result"] == "parent"
    assert worker.pages.counts() == (1, 1)


def test_worker_without_pages(start):
    text = program("def add(a, b): return a + b")
    del text["Counters"], text["Wanted"]
    worker = start("", text=text)
    assert worker.counts is None
    worker.interrupt(1)
    assert worker.result("add", [1, 2]) == 3
    worker.signal("USR1")
    assert worker.result("add", [1, 2]) == 3
    assert worker.pages.counts() == (0, 0)
    assert worker.close() == 0


def test_program_with_a_loop_of_its_own_counts_nothing(start):
    worker = start('''
        import json, jumpboot
        print(json.dumps({"type": "status", "message": "ready", "methods": {}}),
              file=jumpboot.Status_in, flush=True)
        for line in jumpboot.Pipe_in:
            request = json.loads(line)
            print(json.dumps({"request_id": request["request_id"], "result": "mine"}),
                  file=jumpboot.Pipe_out, flush=True)
    ''')
    assert worker.counts is None
    worker.interrupt(1)
    assert worker.result("anything") == "mine"
    assert worker.pages.counts() == (0, 0)
