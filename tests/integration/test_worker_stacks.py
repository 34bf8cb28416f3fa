# SPDX-License-Identifier: MIT
"""The stacks that a worker shows when it is asked for them, without being disturbed."""
import os

from worker_fixtures import python, spawn, start  # noqa: F401


def test_stack_of_a_running_function(start, tmp_path):
    worker = start('''
        import threading, time
        def outer(path):
            threading.Thread(target=_aside, daemon=True).start()
            return inner(path)
        def inner(path):
            print("runs")
            with open(path) as gate: return gate.read()
        def _aside(): time.sleep(600)
    ''')
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    worker.send(worker.request("outer", [str(gate)])[0])
    worker.out.wait_for(b"runs\n")
    text = worker.show()
    gate.write_text("undisturbed")
    assert text.index("in inner") < text.index("in outer") and "in _aside" in text
    assert worker.answer()["result"] == "undisturbed"


def test_stack_of_an_idle_worker(start):
    worker = start("def add(a, b): return a + b")
    for _ in range(3):
        assert "<jumpboot>/worker.py" in worker.show()
        assert worker.result("add", [1, 2]) == 3
    assert worker.close() == 0


def test_tasks_of_the_event_loop(start):
    worker = start('''
        import asyncio
        async def outer():
            await inner()
        async def inner():
            task = asyncio.get_running_loop().create_task(aside())
            task.set_name("täsk\\ud800")
            await asyncio.sleep(0)
            print("runs")
            await asyncio.sleep(600)
        async def aside(): await asyncio.Event().wait()
    ''')
    worker.send(worker.request("outer")[0])
    worker.out.wait_for(b"runs\n")
    title, text = '", of the request (most recent call first):', ""
    while title not in text:  # until it waits, and does not run any more
        text = worker.show()
    own = text[text.index(title):]
    assert own.index("in sleep") < own.index("in inner") < own.index("in outer")
    assert "in awaited" not in text
    assert 'Task "täsk\\ud800" (most recent call first):' in text and "in aside" in text
    assert "exception" in worker.interrupted(1)["data"]


def test_threads_that_come_and_go(start):
    """faulthandler, asked for all threads, sometimes looked at one that had just gone: SIGSEGV.
    In a generator's frames the same happened to the thread that it had interrupted."""
    worker = start('''
        import threading
        def come_and_go():
            print("runs")
            while True:
                thread = threading.Thread(target=int)
                thread.start()
                thread.join()
                sum(len(str(number)) for number in range(100))
    ''')
    worker.send(worker.request("come_and_go")[0])
    worker.out.wait_for(b"runs\n")
    for _ in range(1000):
        assert "in come_and_go" in worker.show()
    assert worker.interrupted(1)["data"]["exception"] == "jumpboot.RequestTimeout"


def test_show_and_interrupt_at_once(start):
    """The stack is shown before it is unwound."""
    worker = start('''
        import time
        def sleep():
            print("runs")
            time.sleep(600)
    ''')
    for ordinal in range(1, 20):
        worker.send(worker.request("sleep")[0])
        worker.out.wait_for(b"\x1e%d\x1eruns\n" % ordinal)
        worker.pages.rewind()
        worker.signal("SHOW")
        answer = worker.interrupted(ordinal)
        assert answer["data"]["exception"] == "jumpboot.RequestTimeout"
        assert "in sleep" in worker.pages.wait_for_text()


def test_more_text_than_there_is_room(start):
    worker = start('''
        import asyncio
        async def many(n):
            tasks = [asyncio.get_running_loop().create_task(wait("x" * n)) for _ in range(200)]
            for task in tasks: task.set_name("x" * n)
            await asyncio.sleep(0)
        async def wait(name): await asyncio.Event().wait()
        def add(a, b): return a + b
    ''')
    worker.result("many", [1000])
    assert 60000 < len(worker.show()) < 61440
    assert worker.result("add", [1, 2]) == 3


def test_task_that_raises_when_it_is_looked_at(start):
    worker = start('''
        import asyncio
        class _Task(asyncio.Task):
            def get_name(self): raise SystemExit
        async def begin():
            loop = asyncio.get_running_loop()
            kept.append(_Task(asyncio.Event().wait(), loop=loop))
        kept = []
        def add(a, b): return a + b
    ''')
    worker.result("begin")
    assert "<jumpboot>/worker.py" in worker.show()
    assert worker.result("add", [1, 2]) == 3


def test_worker_in_c_code(start):
    """It does not come to its handlers: the other signal has faulthandler write."""
    worker = start('''
        def count():
            print("runs")
            sum(range(10 ** 11))
    ''')
    worker.send(worker.request("count")[0])
    worker.out.wait_for(b"runs\n")
    worker.pages.rewind()
    while "in count" not in worker.pages.text().decode():
        worker.signal("DUMP")


def test_forked_child_shows_nothing(start):
    worker = start('''
        import faulthandler, os
        def crash():
            child = os.fork()
            if child == 0: faulthandler._sigsegv()
            return os.waitpid(child, 0)[1]
    ''')
    assert worker.result("crash") & 127 == 11
    assert worker.pages.text() == b""
    worker.err.wait_for(b"Segmentation fault")
