# SPDX-License-Identifier: MIT
"""Interrupts at random moments, as many as there can be: each hits its own request or nothing.

JUMPBOOT_SEED repeats a run, JUMPBOOT_INTERRUPT_SECONDS makes it longer.
"""
import collections
import mmap
import os
import random
import re
import signal
import time

import pytest
from worker_fixtures import python, spawn, start  # noqa: F401

SECONDS = float(os.environ.get("JUMPBOOT_INTERRUPT_SECONDS", "4"))
SEED = os.environ.get("JUMPBOOT_SEED") or str(random.SystemRandom().randrange(10 ** 9))
AHEAD = 16

MAIN = '''
import asyncio, contextlib, decimal, sys, warnings

_show = warnings.showwarning
def _tell(message, category, filename, *rest):
    """A coroutine that was made and not awaited yet, when the function was interrupted, is ours."""
    if filename != __file__: _show(message, category, filename, *rest)
warnings.showwarning = _tell

def spin(token, n):
    for _ in range(n * 20): pass
    return token

def say(token, n):
    for number in range(n):
        print("%s:%d:%s" % (token, number, "x" * (number * 37 % 300)))
    return token

def complain(token, n):
    for number in range(n):
        sys.stderr.write("%s:%d:%s\\n" % (token, number, "x" * (number * 37 % 300)))
    return token

def fail(token, n):
    for _ in range(n): pass
    raise ValueError(token)

def large(token, n):
    return [token, [{"number": decimal.Decimal(number)} for number in range(n)], "x" * (n * 100)]

def recurse(token, n):
    def down(n): return token if n == 0 else down(n - 1)
    return down(n)

def nested(token, n):
    try:
        try:
            with contextlib.suppress(ValueError):
                raise ValueError
        finally:
            for _ in range(n): pass
    finally:
        for _ in range(n): pass
    return token

class _Destructor:
    def __del__(self):
        for _ in range(20): pass

def destroy(token, n):
    for _ in range(n): _Destructor()
    return token

def generate(token, n):
    def numbers():
        try:
            for number in range(n): yield number
        finally:
            for _ in range(20): pass
    for _ in range(n // 10): next(numbers(), None)
    return token

def swallow(token, n):
    try:
        for _ in range(n * 20): pass
    except BaseException: pass
    return token

async def compute(token, n):
    for _ in range(n): pass
    return token

async def wait(token, n):
    for _ in range(n // 10): await asyncio.sleep(0)
    return token

async def sleep(token, n):
    await asyncio.sleep(n / 100000)
    return token

async def gather(token, n):
    await asyncio.gather(wait(token, n), wait(token, n * 2))
    return token

async def say_async(token, n):
    for number in range(n):
        print("%s:%d:%s" % (token, number, "x" * (number * 37 % 300)))
        await asyncio.sleep(0)
    return token

_ticks = 0
async def _tick():
    global _ticks
    while True:
        _ticks += 1
        await asyncio.sleep(0)
_ticker = None
async def leave_behind():
    global _ticker
    _ticker = asyncio.get_running_loop().create_task(_tick())
async def ticks():
    before = _ticks
    for _ in range(10): await asyncio.sleep(0)
    return _ticks - before
'''
PRINTING = ("say", "complain", "say_async")
FUNCTIONS = (*PRINTING, "gather", "spin", "fail", "large", "recurse", "nested", "destroy", "generate",
             "swallow", "compute", "wait", "sleep")
INTERRUPTED = ("jumpboot.RequestTimeout", "jumpboot.RequestCancelled")


class Plan:
    """What is asked as the n-th request, and whether it is not wanted after all."""

    def __init__(self, seed, ordinal):
        chance = random.Random("%s:%d" % (seed, ordinal))
        self.function = chance.choice(FUNCTIONS)
        self.size = chance.choice((0, 1, 10, 50, 200))
        self.is_unwanted = chance.random() < 0.4
        self.is_cancelled = chance.random() < 0.5
        self.token = "%s-%d" % (self.function, ordinal)

    def expected(self):
        if self.function == "large":
            return [self.token, [{"number": str(number)} for number in range(self.size)],
                    "x" * (self.size * 100)]
        return self.token

    def lines(self):
        return ["%s:%d:%s" % (self.token, number, "x" * (number * 37 % 300))
                for number in range(self.size if self.function in PRINTING else 0)]

    def outcome(self, answer):
        """What has become of it; an AssertionError if that cannot be."""
        if "result" in answer:
            assert answer["result"] == self.expected()
            return "swallowed" if self.function == "swallow" and self.is_unwanted else "result"
        if self.function == "fail" and answer["data"].get("exception") == "ValueError":
            assert answer["data"]["message"] == self.token
            return "result"
        assert self.is_unwanted, answer
        if answer["kind"] == "cancelled":
            assert answer["error"] == "skipped"
            return "skipped"
        assert answer["data"]["exception"] == INTERRUPTED[self.is_cancelled], answer
        return "interrupted"


class Sender:
    """A process that says of requests that they are not wanted, and sends signals all the time."""

    def __init__(self, worker, seed):
        self._worker = worker
        self._seed = seed
        self._chance = random.Random(seed)
        # The first and the last request that there is, and how many signals have been sent.
        self.state = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")
        self._parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._run()
            finally:
                os._exit(1)

    def _run(self):
        while os.getppid() == self._parent:
            started = self._worker.pages.counts()[0]
            for _ in range(self._chance.randrange(4)):
                self._want(started + self._chance.choice((0, 0, 0, 1, 2, AHEAD // 2)))
            for _ in range(self._chance.choice((1, 1, 2, 20))):
                self._worker.signal("USR1")
                self.state[2] += 1
            time.sleep(self._chance.random() * 0.0001)  # else the worker does nothing but listen

    def _want(self, ordinal):
        if self.state[0] <= ordinal <= self.state[1]:
            plan = Plan(self._seed, ordinal)
            if plan.is_unwanted:
                self._worker.pages.want(ordinal, plan.is_cancelled)

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return self.state[2]


def check_lines(data, plans):
    """Every line is whole, once there, in order, and of the request that it is marked with."""
    found = collections.defaultdict(list)
    text = data.decode()
    for line in text.split("\n")[:-1]:
        mark = re.fullmatch("\x1e([0-9]+)\x1e(.*)", line)
        assert mark, (line, text[max(text.find("\n" + line) - 500, 0):][:1000])
        found[int(mark[1])].append(mark[2])
    for ordinal, lines in found.items():
        assert lines == plans[ordinal].lines()[:len(lines)]
    return found


def run(worker, seed, seconds):
    """Calls planned functions for so long; the plans, how many came to what, and the signals."""
    worker.result("leave_behind")
    plans, answered, outcomes = {}, 1, collections.Counter()
    sender = Sender(worker, seed)
    sender.state[0] = 2
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end or answered < len(plans) + 1:
            while time.monotonic() < end and len(plans) + 1 < answered + AHEAD:
                ordinal = len(plans) + 2
                plan = plans[ordinal] = Plan(seed, ordinal)
                line, serial = worker.request(plan.function, [plan.token, plan.size])
                assert serial == str(ordinal)
                worker.send(line)
                sender.state[1] = ordinal
            answer = worker.answer()
            answered += 1
            assert answer["request_id"] == str(answered), answer
            outcomes[plans[answered].outcome(answer)] += 1
    finally:
        sent = sender.end()
    assert worker.pages.counts() == (answered, answered)
    return plans, outcomes, sent


@pytest.mark.parametrize("seed", [SEED])
def test_random_interrupts(start, seed):
    worker = start(MAIN)
    plans, outcomes, sent = run(worker, seed, SECONDS)
    print(worker.python, "seed", seed, "signals", sent, "requests", len(plans), dict(outcomes))
    assert worker.result("ticks") >= 10  # the task of the first request lives on
    assert worker.close() == 0
    err = worker.err.whole()
    found = [check_lines(worker.out.whole(), plans), check_lines(err, plans)]
    for ordinal, plan in plans.items():
        if not plan.is_unwanted and plan.function != "complain":
            assert found[0][ordinal] == plan.lines()
        if not plan.is_unwanted and plan.function == "complain":
            assert found[1][ordinal] == plan.lines()
    for outcome in ("result", "interrupted", "skipped"):
        assert outcomes[outcome] > 0
