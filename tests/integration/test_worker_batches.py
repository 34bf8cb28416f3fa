# SPDX-License-Identifier: MIT
"""Requests that a worker gets together: their answers lie in the shared page until they are written,
and whatever happens meanwhile, each has its own, once.

JUMPBOOT_SEED repeats a run, JUMPBOOT_BATCH_SECONDS makes it longer.
"""
import json
import os
import random
import select
import signal
import time

import pytest
from worker_fixtures import python, spawn, start  # noqa: F401

SECONDS = float(os.environ.get("JUMPBOOT_BATCH_SECONDS", "4"))
SEED = os.environ.get("JUMPBOOT_SEED") or str(random.SystemRandom().randrange(10 ** 9))
AHEAD = 40
EVER = 1 << 60

# What counts as long, and for how long answers wait, in nanoseconds: tests are not to depend on it.
LIMITS = """
import jumpboot.loop, jumpboot.table
jumpboot.loop.SHORT = jumpboot.table.SHORT = %d
jumpboot.loop._HELD_TIME = %d
"""
MAIN = """
import os, signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
def add(a, b): return a + b
def text(n): return "x" * n
def wait(do=None):
    if do == "fork" and os.fork() == 0: return "nobody is to get this"
    if do == "fork": os.wait()
    if do == "exit": os._exit(3)
    if do == "raise": raise SystemExit(4)
    if do == "exec": os.execv("/bin/true", ["true"])
    if do == "call":
        import jumpboot
        return jumpboot.call("other.echo", 1)
    if do == "sleep": time.sleep(0.1)
    if do is None or do == "fork": signal.sigwait([signal.SIGUSR2])
    return "waited"
async def wait_async(): return wait()
"""


@pytest.fixture
def begin(start):
    """begin(short, held_time) is a worker that takes all its functions for short ones."""
    def run(short=EVER, held_time=EVER):
        worker = start(LIMITS % (short, held_time) + MAIN)
        worker.result("add", [1, 2])
        worker.result("wait", ["at once"])
        return worker
    return run


def send(worker, *requests):
    """Sends them at once; each is a function's name with its arguments."""
    lines = [worker.request(function, list(params))[0] for function, *params in requests]
    assert sum(map(len, lines)) <= 4096, "more than a pipe takes at once"
    worker.send(b"".join(lines))


def answers_in(data):
    return [json.loads(line) for line in data.splitlines()]


def has_answer(worker):
    return bool(select.select([worker.answers.fd], [], [], 0)[0])


def results(worker, count):
    return [worker.answer()["result"] for _ in range(count)]


def test_answers_of_a_batch_are_gathered(begin):
    worker = begin()
    generation = worker.pages.held()[1]
    send(worker, ("add", 1, 2), ("add", 3, 4), ("wait",), ("add", 5, 6))
    worker.pages.wait_for_counts(5, 4)
    held, now = worker.pages.held()
    assert now == generation
    assert [answer["result"] for answer in answers_in(held)] == [3, 7]
    assert not has_answer(worker)
    worker.signal("USR2")
    assert results(worker, 4) == [3, 7, "waited", 11]
    assert worker.result("add", [7, 8]) == 15  # it is past what it does after that write
    assert worker.pages.held() == (b"", generation + 1)


@pytest.mark.parametrize("unknown", ["wait_async", "other"])
def test_nothing_is_held_for_what_may_take_long(start, unknown):
    """Coroutines, and functions that have not been seen yet."""
    worker = start(LIMITS % (EVER, EVER) + MAIN + "other = wait")
    worker.result("add", [1, 2])
    for _ in range(2 if unknown == "wait_async" else 0):
        send(worker, (unknown,))
        worker.signal("USR2")
        assert results(worker, 1) == ["waited"]
    before = sum(worker.pages.counts()) // 2
    send(worker, ("add", 1, 2), ("add", 3, 4), (unknown,), ("add", 5, 6))
    assert results(worker, 2) == [3, 7]
    worker.pages.wait_for_counts(before + 3, before + 2)
    worker.signal("USR2")
    assert results(worker, 2) == ["waited", 11]


def test_what_took_long_once_is_remembered(begin):
    worker = begin(short=20_000_000)
    worker.result("wait", ["sleep"])
    for _ in range(1000):
        worker.result("wait", ["at once"])
    before = worker.pages.counts()[0]
    send(worker, ("add", 1, 2), ("add", 3, 4), ("wait",))
    assert results(worker, 2) == [3, 7]
    worker.pages.wait_for_counts(before + 3, before + 2)
    worker.signal("USR2")
    assert results(worker, 1) == ["waited"]


def test_nothing_is_held_for_long(begin):
    worker = begin(held_time=0)
    send(worker, ("add", 1, 2), ("add", 3, 4), ("wait",))
    assert results(worker, 2) == [3, 7]
    worker.pages.wait_for_counts(5, 4)
    worker.signal("USR2")
    assert results(worker, 1) == ["waited"]


@pytest.mark.parametrize("sizes", [
    (10, 40000, 10), (30000, 30000, 30000), (10, 32700, 10, 10), (100000, 100000), (32768,) * 3])
def test_large_answers_keep_their_place(begin, sizes):
    worker = begin()
    worker.result("text", [1])
    send(worker, *(("text", size) for size in sizes))
    assert [len(result) for result in results(worker, len(sizes))] == list(sizes)


def test_without_shared_pages_nothing_is_held(start):
    from worker_host import program
    text = program(LIMITS % (EVER, EVER) + MAIN)
    del text["Counters"], text["Wanted"]
    worker = start("", text=text)
    worker.result("wait", ["at once"])
    send(worker, ("add", 1, 2), ("add", 3, 4), ("wait",))
    assert results(worker, 2) == [3, 7]
    worker.signal("USR2")
    assert results(worker, 1) == ["waited"]


def test_skipped_requests_are_none_that_were_seen(start):
    worker = start(LIMITS % (EVER, EVER) + MAIN)
    worker.result("add", [1, 2])
    worker.pages.want(2)
    worker.pages.want(3)
    assert worker.call("wait", ["at once"])["kind"] == "cancelled"
    send(worker, ("wait",), ("add", 1, 2), ("wait",))
    assert worker.answer()["kind"] == "cancelled"
    assert results(worker, 1) == [3]
    worker.pages.wait_for_counts(5, 4)
    worker.signal("USR2")
    assert results(worker, 1) == ["waited"]


@pytest.mark.parametrize("end, status", [
    ("exit", 3), ("exec", 0), ("kill", -signal.SIGKILL)])
def test_what_is_held_outlives_the_process(begin, end, status):
    worker = begin()
    send(worker, ("add", 1, 2), ("add", 3, 4), ("wait", *([end] if end != "kill" else [])))
    if end == "kill":
        worker.pages.wait_for_counts(5, 4)
        worker.signal("KILL")
    assert worker.wait() == status
    assert [answer["result"] for answer in answers_in(worker.pages.held()[0])] == [3, 7]
    assert worker.answers.line() is None


def test_forked_child_does_not_touch_what_is_held(begin):
    """The child returns into the same loop, with the same page at hand, and has ended before the
    parent goes on."""
    worker = begin()
    send(worker, ("add", 1, 2), ("add", 3, 4), ("wait", "fork"), ("add", 5, 6))
    worker.pages.wait_for_counts(5, 4)
    worker.signal("USR2")
    assert results(worker, 4) == [3, 7, "waited", 11]
    assert worker.err.data() == b""


def test_exit_in_a_function_is_its_answer(begin):
    worker = begin()
    send(worker, ("add", 1, 2), ("wait", "raise"), ("add", 3, 4))
    assert [worker.answer().get("error", "none")[:10] for _ in range(3)] == [
        "none", "SystemExit", "none"]


def test_handler_that_raises_while_answers_are_written(start):
    """It ends the worker, as everywhere between requests. Half of what was held has been written;
    the page has all of it still."""
    worker = start(LIMITS % (EVER, EVER) + """
import os, signal
write, is_armed = os.write, False
def write_half(fd, data):
    if not is_armed or fd == 2: return write(fd, data)
    write(fd, data[:len(data) // 2])
    signal.raise_signal(signal.SIGALRM)
def handle(number, frame): raise RuntimeError("by the handler")
os.write = write_half
signal.signal(signal.SIGALRM, handle)
def add(a, b): return a + b
def arm(): global is_armed; is_armed = True
""")
    worker.result("add", [1, 2])
    send(worker, ("add", 1, 2), ("add", 3, 4), ("arm",), ("add", 5, 6))
    assert results(worker, 2) == [3, 7]
    assert worker.wait() == 1
    assert b"by the handler" in worker.err.whole()
    held, generation = worker.pages.held()
    assert [answer["result"] for answer in answers_in(held)] == [None, 11] and generation == 1
    assert held.startswith(os.read(worker.answers.fd, 4096))


def test_what_is_held_is_written_before_a_call(begin):
    """In a function that was thought to be short: nobody waits until its call is answered."""
    worker = begin()
    worker.result("wait", ["at once"])
    send(worker, ("add", 1, 2), ("add", 3, 4), ("wait", "call"), ("add", 5, 6))
    assert results(worker, 2) == [3, 7]
    call = worker.answer()
    assert call["command"] == "other.echo" and worker.pages.held() == (b"", 1)
    worker.send(b'{"request_id":"py-1","result":"called"}\n')
    assert results(worker, 2) == ["called", 11]


KINDS = """
import asyncio, jumpboot, os, random, signal, sys, threading, time
def quick(token): return token
def echo(token, text): return [token, text]
def nap(token): time.sleep(0.002); return token
async def later(token): await asyncio.sleep(0.0005); return token
def sometimes(token, naps):
    if naps: time.sleep(0.003)
    return token
def fail(token): raise ValueError(token)
def leave(token): raise SystemExit(token)
def speak(token): print(token, "x" * 300); return token
def call(token): return jumpboot.call("other.echo", token)
def call_in_thread(token):
    found = []
    thread = threading.Thread(target=lambda: found.append(jumpboot.call("other.echo", token)))
    thread.start()
    thread.join()
    return found[0]
class Hit(Exception): pass
may_hit = False
def hit(number, frame):
    if may_hit: raise Hit
signal.signal(signal.SIGALRM, hit)
def call_and_be_hit(token, calls):
    global may_hit
    if not calls: return token
    try:
        may_hit = True
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, 0.0005))
        jumpboot.call("other.echo", token)
        may_hit = False
    except Hit:
        may_hit = False
    return token
def fork(token):
    child = os.fork()
    if child == 0: return "child"
    os.waitpid(child, 0)
    return token
def fork_and_fail(token):
    child = os.fork()
    if child == 0: raise ValueError("child")
    os.waitpid(child, 0)
    return token
def fork_and_live(token):
    if os.fork() == 0:
        time.sleep(0.01)
        return "child"
    return token
def die(token): os._exit(3)
def kill(token): os.kill(os.getpid(), signal.SIGKILL)
def execute(token): os.execv("/bin/true", ["true"])
"""
LIVING = ["quick"] * 20 + ["sometimes", "echo", "call_and_be_hit"] * 3 + [
    "nap", "later", "fail", "leave", "speak", "call", "call_in_thread", "fork", "fork_and_fail",
    "fork_and_live", "missing", "skipped"]
DEADLY = ["die", "kill", "execute"]


class Traffic:
    """Random requests for one worker until it ends, and what becomes of each."""

    def __init__(self, worker, generator):
        self.worker = worker
        self.generator = generator
        self.sent = []  # (function, token) of each request
        self.answered = 0
        self.rest = b""
        self.outgoing = bytearray()

    def run(self, moments):
        """Goes on until the worker has ended, at the latest after so many turns."""
        try:
            for _ in range(moments):
                self.send_some()
                self.write()
                if not self.read_some():
                    return
            os.kill(self.worker.pid, signal.SIGKILL)
            while self.read_some():
                pass
        except BrokenPipeError:  # it has ended already
            while self.read_some():
                pass

    def send_some(self):
        """As many at once as there is room for, or fewer."""
        for _ in range(min(self.generator.randrange(1, 20), AHEAD - len(self.sent) + self.answered)):
            ordinal, token = len(self.sent) + 1, "token-%d" % len(self.sent)
            function = self.generator.choice(LIVING)
            if self.generator.random() < 0.002:
                function = self.generator.choice(DEADLY)
            params = [token]
            if function == "echo":
                params.append("x" * self.generator.choice([10, 1000, 10000, 33000, 70000]))
            if function in ("sometimes", "call_and_be_hit"):
                params.append(self.generator.random() < 0.1)
            if function == "skipped":
                self.worker.pages.want(ordinal)
            self.outgoing += self.worker.request(function, params)[0]
            self.sent.append((function, token))

    def write(self):
        """Reads meanwhile, for the worker may wait until it can write."""
        while self.outgoing:
            readable, writable, _ = select.select([self.worker.answers.fd], [self.worker.pipe_in], [])
            if readable and not self.read_some():
                raise BrokenPipeError
            if writable:
                del self.outgoing[:os.write(self.worker.pipe_in, self.outgoing[:4096])]

    def read_some(self):
        """False at the end."""
        readable = select.select([self.worker.answers.fd], [], [], 60)[0]
        assert readable, "it does not answer: %s" % (self.sent[self.answered],)
        chunk = os.read(self.worker.answers.fd, 1 << 16)
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if message.get("command") == "other.echo":
                self.outgoing += b'{"request_id":"%s","result":"%s"}\n' % (
                    message["request_id"].encode(), message["data"][0].encode())
            elif "command" not in message:
                self.take(message)
        return bool(chunk)

    def take(self, answer):
        """The next one in order, and its own."""
        function, token = self.sent[self.answered]
        self.answered += 1
        assert answer["request_id"] == str(self.answered)
        if function == "fail":
            assert answer["error"] == "ValueError: " + token
        elif function == "leave":
            assert answer["error"] == "SystemExit: " + token
        elif function in ("missing", "skipped"):
            assert answer["kind"] in ("method_not_found", "cancelled")
        elif function == "echo":
            assert answer["result"][0] == token
        else:
            assert answer["result"] == token

    def recover(self):
        """Takes what the worker held, as the daemon does: what has not come over the pipe."""
        for line in self.worker.pages.held()[0].splitlines():
            answer = json.loads(line)
            if int(answer["request_id"]) > self.answered:
                self.take(answer)


def test_random_batches_to_their_end(spawn):
    """A worker dies in the midst of it, of its own doing or from without: all requests that it has
    finished are answered, but one whose answer it was just about to write."""
    generator = random.Random(SEED)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        worker = spawn(KINDS)
        worker.ready()
        traffic = Traffic(worker, generator)
        traffic.run(generator.choice([3, 10, 60]))
        worker.wait()
        traffic.recover()
        started, finished = worker.pages.counts()
        told = "JUMPBOOT_SEED=%s: %d of %d" % (SEED, traffic.answered, finished)
        assert finished - 1 <= traffic.answered <= finished <= started <= finished + 1, told
