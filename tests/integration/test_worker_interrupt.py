# SPDX-License-Identifier: MIT
"""Interrupts: what they reach, what they spare, and that the worker lives on after each."""
import signal
import threading

import pytest
from worker_fixtures import python, spawn, start  # noqa: F401

TIMEOUT, CANCELLED = "jumpboot.RequestTimeout", "jumpboot.RequestCancelled"


class Running:
    """A request that has said on standard output that it runs."""

    def __init__(self, worker, function, params=None, mark=b"runs\n"):
        self.worker = worker
        line, serial = worker.request(function, params)
        self.ordinal = int(serial)
        worker.send(line)
        worker.out.wait_for(b"\x1e%d\x1e%s" % (self.ordinal, mark))

    def answer(self):
        answer = self.worker.answer()
        assert answer["request_id"] == str(self.ordinal)
        return answer

    def interrupt(self, is_cancelled=False):
        """Interrupts it, and returns the name of the exception that it is answered with."""
        answer = self.interrupted(is_cancelled)
        assert "error" in answer, answer
        return answer["data"]["exception"]

    def interrupted(self, is_cancelled=False):
        answer = self.worker.interrupted(self.ordinal, is_cancelled)
        assert answer["request_id"] == str(self.ordinal)
        return answer


SYNCHRONOUS = '''
import asyncio, functools, os, select, subprocess, sys, threading, time
from time import sleep as long_sleep
def _runs(): print("runs")
def busy():
    _runs()
    while True: pass
def sleep():
    _runs()
    time.sleep(600)
def lock():
    _runs()
    lock = threading.Lock()
    with lock:
        lock.acquire()
def join():
    thread = threading.Thread(target=time.sleep, args=(600,), daemon=True)
    thread.start()
    _runs()
    thread.join()
def read():
    _runs()
    os.read(os.pipe()[0], 1)
def process():
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            _runs()
            process.wait()
        finally:
            process.kill()
def own_loop():
    async def run():
        _runs()
        await asyncio.sleep(600)
    asyncio.run(run())
def generate():
    def forever():
        while True: yield
    _runs()
    for _ in forever(): pass
def compare():
    class Slow:
        def __lt__(self, other): time.sleep(600)
    _runs()
    sorted([Slow(), Slow()])
def deep():
    sys.setrecursionlimit(500)
    def down(): down()
    _runs()
    while True:
        try: down()
        except RecursionError: pass
def catch():
    _runs()
    while True:
        try: time.sleep(600)
        except Exception: pass
def destroy():
    class Destructor:
        def __del__(self):
            for _ in range(1000): pass
    _runs()
    while True:
        Destructor()
        for _ in range(100): pass
def forget():
    import weakref
    class Thing: pass
    kept = weakref.WeakValueDictionary()
    _runs()
    while True:
        for number in range(1000): kept[number] = Thing()
def thrown_away():
    def hold():
        try: yield
        finally:
            _runs()
            while True: time.sleep(0.01)
    held = hold()
    next(held)
    del held  # what is raised in its last part is thrown away
    while True: pass
def add(a, b): return a + b
'''


@pytest.mark.parametrize("function", [
    "busy", "sleep", "lock", "join", "read", "process", "own_loop", "generate", "compare", "deep",
    "catch", "destroy", "forget", "thrown_away"])
def test_function_is_interrupted(start, function):
    worker = start(SYNCHRONOUS)
    assert Running(worker, function).interrupt() == TIMEOUT
    assert worker.result("add", [1, 2]) == 3
    assert Running(worker, function).interrupt(is_cancelled=True) == CANCELLED
    assert worker.result("add", [1, 2]) == 3
    assert worker.close() == 0
    assert worker.err.whole() == b""


def test_exception_tells_its_place(start):
    worker = start(SYNCHRONOUS)
    answer = Running(worker, "sleep").interrupted()
    assert answer["error"] == "%s: the time for this request is over" % TIMEOUT
    assert answer["data"]["traceback"].splitlines()[1].endswith(", in sleep")
    assert "interrupter.py" not in answer["data"]["traceback"]


def test_function_written_in_c(start):
    """There is no frame of the program's at all."""
    worker = start('''
        import time
        __all__ = ["sleep"]
        sleep = time.sleep
    ''')
    worker.send(worker.request("sleep", [600])[0])
    wait_until_in_call(worker)
    assert worker.interrupted(1)["data"]["exception"] == TIMEOUT


def wait_until_in_call(worker):
    while "<jumpboot>/interrupt.py" not in worker.show():
        pass


def test_one_interrupt_for_a_request(start):
    """What cleans up is left in peace, whatever signals come."""
    worker = start('''
        import time
        def clean_up():
            try:
                print("runs")
                time.sleep(600)
            finally:
                print("cleans up")
                for _ in range(20): time.sleep(0.005)
                print("clean")
    ''')
    running = Running(worker, "clean_up")
    worker.interrupt(1)
    worker.out.wait_for(b"cleans up\n")
    for _ in range(100):
        worker.interrupt(1)
    assert running.answer()["data"]["exception"] == TIMEOUT
    worker.out.wait_for(b"clean\n")


def test_exceptions_are_for_programs(start):
    worker = start('''
        import time, jumpboot
        def handle():
            try:
                print("runs")
                time.sleep(600)
            except jumpboot.RequestTimeout: return "timeout"
            except jumpboot.RequestCancelled: return "cancelled"
        def either():
            try:
                print("runs")
                time.sleep(600)
            except jumpboot.RequestInterrupted as error: return isinstance(error, Exception)
    ''')
    for is_cancelled, expected in ((False, "timeout"), (True, "cancelled")):
        assert Running(worker, "handle").interrupted(is_cancelled)["result"] == expected
    assert Running(worker, "either").interrupted()["result"] is False


def test_signal_alone_means_nothing(start):
    worker = start('''
        import os, signal
        async def wait_async(): return wait()
        def wait():
            for _ in range(1000): os.kill(os.getpid(), signal.SIGUSR1)
            return "undisturbed"
    ''')
    worker.signal("USR1")
    for _ in range(3):
        assert worker.result("wait") == "undisturbed"
        assert worker.result("wait_async") == "undisturbed"


def test_what_surrounds_a_function_is_spared(start):
    """Its result and its exception are the loop's to write, also where that runs code of the
    program."""
    worker = start('''
        import collections.abc, os, signal
        class _Result(collections.abc.Sequence):
            def __len__(self): return 1
            def __getitem__(self, index):
                if index > 0: raise IndexError
                if not waited:  # it may be asked more than once
                    waited.append(True)
                    print("runs")
                    signal.sigwait([signal.SIGUSR2])
                for _ in range(1000): pass
                return "undisturbed"
        class _Error(Exception):
            def __str__(self): return _Result()[0]
        def succeed(): waited.clear(); return _Result()
        def fail(): waited.clear(); raise _Error
        async def succeed_async(): return succeed()
        async def fail_async(): fail()
        waited = []
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    ''')
    for function in ("succeed", "fail", "succeed_async", "fail_async"):
        running = Running(worker, function)
        worker.interrupt(running.ordinal)
        worker.signal("USR2")
        answer = running.answer()
        told = answer.get("result") or [answer["data"]["message"]]
        assert told == ["undisturbed"]


def test_output_stays_whole(start):
    """Most of the time of such a function is spent in our own code."""
    worker = start('''
        import sys
        def flood():
            print("runs")
            while True: print("line")
        def complain():
            print("runs")
            while True: sys.stderr.write("line\\n")
        def large():
            print("runs")
            while True: print("line" * 100000)
    ''')
    for function in ("flood", "complain", "large") * 5:
        assert Running(worker, function).interrupt() == TIMEOUT
    assert worker.close() == 0
    for line in (worker.out.whole() + worker.err.whole()).split(b"\n")[:-1]:
        text = line.split(b"\x1e")[2]
        assert text in (b"runs", b"line", b"line" * 100000)


def test_status_lines_stay_whole(start):
    worker = start('''
        import jumpboot
        def log():
            jumpboot.on_start(log)
            print("runs")
            while True:
                jumpboot.on_start(log)
                for _ in range(10000): pass
    ''')
    messages = []

    def read():
        messages.extend(iter(worker.status, None))
    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        assert Running(worker, "log").interrupt() == TIMEOUT
    assert worker.close() == 0
    reader.join()
    assert {message["type"] for message in messages[:-1]} == {"log"}


ASYNCHRONOUS = '''
import asyncio, time, warnings
def _runs(): print("runs")
async def sleep():
    _runs()
    await asyncio.sleep(600)
async def busy():
    _runs()
    while True: pass
async def block():
    _runs()
    time.sleep(600)
async def busy_within():
    async def inner():
        _runs()
        while True: pass
    await asyncio.wait_for(asyncio.shield(asyncio.sleep(0)), 5)
    await inner()
# Python warns of a coroutine that was made and not yet awaited when the interrupt came.
warnings.filterwarnings("ignore", "coroutine 'Queue.put' was never awaited")
async def never_waits():
    queue = asyncio.Queue()
    _runs()
    while True: await queue.put(1)
async def gather():
    _runs()
    await asyncio.gather(asyncio.sleep(600), asyncio.sleep(600))
async def wait_for():
    _runs()
    await asyncio.wait_for(asyncio.sleep(600), 600)
async def in_thread():
    _runs()
    await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.2)
    await asyncio.Event().wait()
async def neighbour():
    async def block():
        _runs()
        time.sleep(0.2)
    task = asyncio.get_running_loop().create_task(block())
    await asyncio.Event().wait()
async def future():
    _runs()
    await asyncio.get_running_loop().create_future()
ticks = 0
async def _tick():
    global ticks
    while True:
        ticks += 1
        await asyncio.sleep(0)
async def begin():
    global ticker
    ticker = asyncio.get_running_loop().create_task(_tick())
async def look():
    before = ticks
    for _ in range(10): await asyncio.sleep(0)
    return ticks - before >= 10 and not ticker.done()
'''


@pytest.mark.parametrize("function", [
    "sleep", "busy", "block", "busy_within", "never_waits", "gather", "wait_for", "in_thread",
    "neighbour", "future"])
def test_asynchronous_function_is_interrupted(start, function):
    worker = start(ASYNCHRONOUS)
    worker.result("begin")
    assert Running(worker, function).interrupt() == TIMEOUT
    assert worker.result("look")
    assert Running(worker, function).interrupt(is_cancelled=True) == CANCELLED
    assert worker.result("look")
    assert worker.close() == 0
    assert worker.err.whole() == b""


def test_asynchronous_function_that_idles(start):
    """The event loop waits for nothing but the request's task."""
    worker = start(ASYNCHRONOUS)
    for _ in range(20):
        assert Running(worker, "sleep").interrupt() == TIMEOUT


def test_asynchronous_function_cleans_up(start):
    worker = start('''
        import asyncio
        async def clean_up():
            try:
                print("runs")
                await asyncio.sleep(600)
            finally:
                await asyncio.sleep(0.05)
                print("clean")
        async def swallow():
            print("runs")
            try: await asyncio.sleep(600)
            except asyncio.CancelledError: return "swallowed"
        async def cancelled():
            raise asyncio.CancelledError
    ''')
    assert Running(worker, "clean_up").interrupt() == TIMEOUT
    worker.out.wait_for(b"clean\n")
    running = Running(worker, "swallow")
    while "in sleep" not in worker.show():
        pass
    assert running.interrupted()["result"] == "swallowed"
    assert worker.error("cancelled")["exception"].endswith("CancelledError")


def test_task_left_by_a_stopped_loop_is_not_the_next_request(start):
    """The first request's own task goes on in the second one, which is the one interrupted."""
    worker = start('''
        import asyncio, time
        async def stop():
            global stopped
            stopped = asyncio.current_task()
            asyncio.get_running_loop().stop()
            while True:
                await asyncio.sleep(0)
                for _ in range(1000): pass
        async def wait():
            print("runs")
            await asyncio.Event().wait()
        async def lives(): return not stopped.done()
    ''')
    assert worker.error("stop")["exception"] == "RuntimeError"
    for _ in range(20):
        assert Running(worker, "wait").interrupt() == TIMEOUT
        assert worker.result("lives") is True


def test_own_handler_takes_precedence(start):
    worker = start('''
        import signal, threading
        came = threading.Event()
        signal.signal(signal.SIGUSR1, lambda number, frame: came.set())
        def wait():
            print("runs")
            came.wait()
            return "mine"
    ''')
    running = Running(worker, "wait")
    worker.interrupt(running.ordinal)
    assert running.answer()["result"] == "mine"


def test_signals_in_a_forked_child(start):
    """It knows them as any process does, and is not interrupted for its parent."""
    worker = start('''
        import os, signal
        def die(number):
            child = os.fork()
            if child == 0:
                os.kill(os.getpid(), number)
                os._exit(1)
            return os.waitpid(child, 0)[1]
        def dispositions():
            child = os.fork()
            if child == 0:
                found = [signal.getsignal(number) for number in (signal.SIGUSR1, 42, 43)]
                os._exit(found != [signal.SIG_DFL] * 3)
            return os.waitpid(child, 0)[1]
    ''')
    assert worker.result("dispositions") == 0
    assert worker.result("die", [int(signal.SIGUSR1)]) == signal.SIGUSR1
    for number in 42, 43:
        assert worker.result("die", [number]) == number
    assert worker.pages.text() == b""


def test_exception_names_are_taken(spawn):
    worker = spawn("", key_values={"RequestTimeout": 1})
    assert "would hide jumpboot.RequestTimeout" in worker.status()["message"]
