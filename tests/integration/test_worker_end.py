# SPDX-License-Identifier: MIT
"""How a worker ends, and what must not end it: EOF, on_exit, forks, signals."""
import os
import signal
import time

import pytest
from worker_fixtures import python, spawn, start  # noqa: F401
from worker_host import DEADLINE, program

EXIT = {"type": "status", "message": "exit"}


def wait_until_asleep(worker):
    """Waits until the worker has nothing to do but to wait for a pipe."""
    def state():
        with open("/proc/%d/stat" % worker.pid) as stat:
            return stat.read().rpartition(")")[2].split()[0]

    deadline = time.monotonic() + DEADLINE
    asleep = 0
    while asleep < 100:  # a lock, say of a pipe that is being read, is soon had
        assert time.monotonic() < deadline, "the worker does not come to rest"
        asleep = asleep + 1 if state() == "S" else 0


def interrupt(worker, signals):
    """Sends the worker SIGUSR1 and waits until it has told that many exceptions in all."""
    os.kill(worker.pid, signal.SIGUSR1)
    deadline = time.monotonic() + DEADLINE
    last_line = b"\n\x1e\x1eRuntimeError: from the handler\n"  # with the mark of no request
    while worker.err.data().count(last_line) < signals:
        assert time.monotonic() < deadline, worker.err.data()


def test_end_of_input(start):
    worker = start('''
        import atexit, jumpboot
        @jumpboot.on_exit
        def first(): print("first")
        @jumpboot.on_exit
        async def second(): print("second")
        atexit.register(print, "atexit")
    ''')
    assert worker.close() == 0
    assert worker.out.whole() == b"second\nfirst\natexit\n"
    assert worker.status() == EXIT and worker.status() is None


def test_end_without_any_request_or_function(start):
    worker = start("")
    assert worker.methods == {}
    assert worker.close() == 0
    assert worker.status() == EXIT


def test_requests_before_the_end_are_answered(start):
    worker = start("def add(a, b): return a + b")
    worker.send(b"".join(worker.request("add", [n, 1])[0] for n in range(100)))
    worker.end_input()
    assert [worker.answer()["result"] for _ in range(100)] == list(range(1, 101))
    assert worker.wait() == 0


def test_half_a_request_at_the_end_is_dropped(start):
    worker = start("def add(a, b): return a + b")
    worker.send(b'{"request_id":"1","command":"add","data":[1')
    assert worker.close() == 0
    assert worker.answers.line() is None


def test_on_exit_functions_that_fail(start):
    worker = start('''
        import jumpboot, sys
        jumpboot.on_exit(lambda: print("last"))
        @jumpboot.on_exit
        def leave(): sys.exit(3)
        @jumpboot.on_exit
        def fail(): 1 / 0
    ''')
    assert worker.close() == 0
    assert worker.out.whole() == b"last\n"
    err = worker.err.whole().decode()
    assert 'line 7, in fail' in err and "ZeroDivisionError" in err and "SystemExit: 3" in err
    assert "worker.py" not in err
    assert worker.status() == EXIT


def test_event_loop_is_closed(start):
    worker = start('''
        import asyncio
        async def hold():
            try: await asyncio.sleep(3600)
            finally: print("cancelled")
        async def stream():
            try:
                yield 1
            finally: print("generator closed")
        kept = []
        async def begin():
            asyncio.get_running_loop().create_task(hold())
            kept.append(stream())
            await kept[0].__anext__()
            await asyncio.sleep(0)
    ''')
    worker.result("begin")
    assert worker.close() == 0
    assert sorted(worker.out.whole().split(b"\n")) == [b"", b"cancelled", b"generator closed"]
    assert worker.err.whole() == b""


def test_nobody_reads_answers(start):
    worker = start('''
        import jumpboot
        @jumpboot.on_exit
        def leave(): print("left")
        def add(a, b): return a + b
    ''')
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, worker.answers.fd)
    os.close(null)
    worker.send(worker.request("add", [1, 2])[0])
    assert worker.wait() == 0
    assert worker.out.whole() == b"left\n"


def test_forked_child_cannot_answer(start):
    """A child that runs on into the loop reads nothing, writes nothing, and runs no on_exit."""
    worker = start('''
        import jumpboot, os
        @jumpboot.on_exit
        def leave(): print("left", os.getpid() == parent)
        parent = os.getpid()
        def split():
            child = os.fork()
            if child == 0:
                print("child")
                return "from the child"
            os.waitpid(child, 0)
            return "from the parent"
        def count(): print("counted")
        def targets():
            child = os.fork()
            if child == 0:
                with open("/dev/null") as null:
                    ok = all(os.path.samestat(os.fstat(n), os.fstat(null.fileno()))
                             for n in (3, 4, 5))
                os._exit(0 if ok else 1)
            return os.waitpid(child, 0)[1]
    ''')
    for _ in range(3):  # two at once: the child has the second request in its memory, too
        worker.send(worker.request("split")[0] + worker.request("count")[0])
        assert worker.answer()["result"] == "from the parent"
        worker.answer()
    assert worker.result("targets") == 0
    assert worker.close() == 0
    out = worker.out.whole()
    assert out.count(b"child\n") == 3 and out.endswith(b"left True\n")
    assert out.count(b"left") == 1 and out.count(b"counted") == 3
    assert worker.status() == EXIT and worker.status() is None


def test_multiprocessing(start):
    worker = start('''
        import multiprocessing
        context = multiprocessing.get_context("fork")
        def _square(n):
            print("square", n)
            return n * n
        def squares():
            print("held", end="")
            with context.Pool(2) as pool: return pool.map(_square, range(5))
    ''')
    assert worker.result("squares") == [0, 1, 4, 9, 16]
    assert worker.close() == 0
    out = worker.out.whole()
    assert out.count(b"held\n") == 1 and out.count(b"square") == 5


def test_signals(start):
    """SIGINT is the terminal's and not for workers; their children get it. SIGTERM ends them."""
    worker = start('''
        import os, signal, subprocess
        def interrupt():
            os.kill(os.getpid(), signal.SIGINT)
            return subprocess.run(["sh", "-c", "kill -INT $$; sleep 60"]).returncode
    ''')
    assert worker.result("interrupt") == -signal.SIGINT
    os.kill(worker.pid, signal.SIGINT)
    assert worker.result("interrupt") == -signal.SIGINT
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait() == -signal.SIGTERM


def test_crash_tells_the_stack(start):
    worker = start('''
        import faulthandler
        def crash(): faulthandler._sigsegv()
    ''')
    worker.send(worker.request("crash")[0])
    assert worker.wait() == -signal.SIGSEGV
    assert worker.err.whole() == b""
    text = worker.pages.text()
    assert b"Fatal Python error: Segmentation fault" in text
    assert b'"<calc>", line 3 in crash' in text


def test_crash_of_a_worker_without_shared_pages(start):
    text = program("import faulthandler\ndef crash(): faulthandler._sigsegv()")
    del text["Counters"], text["Wanted"]
    worker = start("", text=text)
    worker.send(worker.request("crash")[0])
    assert worker.wait() == -signal.SIGSEGV
    assert b"Fatal Python error: Segmentation fault" in worker.err.whole()
    assert worker.pages.text() == b""


def test_exception_in_a_forked_child_is_its_own(start):
    worker = start('''
        import jumpboot, os, sys
        def _status(child): return os.waitpid(child, 0)[1] >> 8
        def leave():
            child = os.fork()
            if child == 0: sys.exit(3)
            return _status(child)
        def fail():
            child = os.fork()
            if child == 0: raise ValueError("of the child")
            return _status(child)
        @jumpboot.on_exit
        def split():
            child = os.fork()
            if child == 0: sys.exit(4)
            print("split", _status(child))
        @jumpboot.on_exit
        def before(): print("before")
    ''')
    assert worker.result("leave") == 3
    assert worker.result("fail") == 1
    assert worker.close() == 0
    assert worker.out.whole() == b"before\nsplit 4\n"
    err = worker.err.whole()
    assert err.count(b"ValueError: of the child") == 1 and err.count(b"Traceback") == 1


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_that_start_anew_know_the_embedded_code(start, tmp_path, method):
    """There is no file of the main module, or it has changed since it was embedded."""
    (tmp_path / "main.py").write_text("raise ImportError('changed')")
    main = '''
import jumpboot, helper, multiprocessing
class _Point:
    def __init__(self, x): self.x = x
def _point(x): return _Point(x * jumpboot.factor)
def _nested(results):
    process = context.Process(target=_inner, args=(results,))
    process.start()
    process.join()
def _inner(results): results.put([__name__, helper.cube(3)])
context = multiprocessing.get_context("%s")
def pool():
    with context.Pool(1) as pool:
        return [pool.map(_point, [2])[0].x, pool.map(helper.cube, [2])[0]]
def nested():
    results = context.SimpleQueue()
    process = context.Process(target=_nested, args=(results,))
    process.start()
    process.join()
    return results.get()
''' % method
    for path in (None, str(tmp_path / "main.py")):
        worker = start(main, path=path, key_values={"factor": 5}, modules={
            "helper": "import multiprocessing.context\ndef cube(x): return x ** 3"})
        assert worker.result("pool") == [10, 8]
        assert worker.result("nested") == ["__mp_main__", 27]
        assert worker.close() == 0
        assert worker.err.whole() == b""


def test_multiprocessing_forks_unless_told_otherwise(start):
    """Also where Python itself would do otherwise."""
    worker = start('''
        import importlib, multiprocessing.context, sys
        def default(): return multiprocessing.get_start_method()
        def again():
            kept = [n for n in sys.modules if n.startswith("multiprocessing")]
            for name in kept: del sys.modules[name]
            loader = importlib.util.find_spec("multiprocessing.context").loader
            import multiprocessing.context as fresh
            return [type(loader).__name__, type(fresh.__loader__).__name__,
                    type(fresh.__spec__.loader).__name__]
        def other():
            context = multiprocessing.context
            own = context._default_context
            own._default_context = context._concrete_contexts["spawn"]
            own._actual_context = None
            sys.meta_path[0]._changes["multiprocessing.context"](context)
            return own.get_start_method()
    ''')
    assert worker.result("default") == "fork"
    assert worker.result("other") == "fork"
    assert worker.result("again") == ["ChangingLoader", "SourceFileLoader", "SourceFileLoader"]


@pytest.mark.parametrize("stream", ["None", "object()", "Odd()", "io.StringIO()", "detached()"])
def test_standard_streams_that_are_none(start, stream):
    worker = start('''
        import atexit, io, sys, jumpboot
        class Odd:
            def flush(self): raise ValueError("odd")
        def detached():
            sys.stdout.detach()
            return sys.stdout
        def put():
            sys.stdout = sys.__stdout__ = %s
            sys.stderr = sys.__stderr__ = None
        @jumpboot.on_exit
        def first(): raise KeyError("told")
        atexit.register(lambda: print("at the end"))
    ''' % stream)
    assert worker.result("put") is None
    assert worker.close() == 0
    assert worker.out.whole() == b"at the end\n"
    assert b"KeyError: 'told'" in worker.err.whole()
    assert worker.status() == EXIT


def test_signal_handler_that_raises_while_a_worker_waits(start):
    worker = start('''
        import os, signal
        def handler(number, frame): raise RuntimeError("from the handler")
        signal.signal(signal.SIGUSR1, handler)
        def echo(x): return x
    ''')
    for number in (1, 2, 3):
        assert worker.result("echo", [number]) == number
        wait_until_asleep(worker)
        interrupt(worker, number)
    line, serial = worker.request("echo", ["half"])  # in the middle of a request
    worker.send(line[:20])
    wait_until_asleep(worker)
    interrupt(worker, 4)
    worker.send(line[20:])
    assert worker.answer() == {"request_id": serial, "result": "half"}
    assert worker.close() == 0
