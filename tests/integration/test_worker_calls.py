# SPDX-License-Identifier: MIT
"""From a request to a function and back: arguments, async functions, what cannot be parsed."""
import json
import os
import threading

import pytest
from worker_fixtures import python, spawn, start  # noqa: F401

ADD = "def add(a, b=10):\n    return a + b\n"


def test_arguments(start):
    worker = start('''
        def add(a, b=10): return a + b
        def rest(first, *others, key=None, **more): return [first, others, key, more]
        def none(): return "nothing"
    ''')
    assert worker.result("add", {"a": 1, "b": 2}) == 3
    assert worker.result("add", {"b": 2, "a": 1}) == 3
    assert worker.result("add", [1, 2]) == 3
    assert worker.result("add", [1]) == 11
    assert worker.result("none") == "nothing"
    assert worker.result("none", []) == "nothing"
    assert worker.result("rest", [1, 2, 3]) == [1, [2, 3], None, {}]
    assert worker.result("rest", {"first": 1, "key": 2, "not a name": 3, "": 4}) == [
        1, [], 2, {"not a name": 3, "": 4}]


def test_all_of_json_arrives(start):
    worker = start("def same(x): return x")
    for value in (None, True, False, 0, -1, 2 ** 70, 1.5, -0.0, 1e300, "", "ä€😀\x00\n\"\\/",
                  [], {}, [[], {"a": {"b": [1]}}], {"": ""}, "x" * 1000):
        assert worker.result("same", [value]) == value
    assert worker.result("same", ["\\ud800 \\\\ud83d 😀\\"]) == "\\ud800 \\\\ud83d 😀\\"
    assert worker.result("same", '["ä€😀\\ud83d\\ude00"]'.encode()) == "ä€😀😀"


MISFITS = [
    ("add", {}, "add(a, b=10): missing a required argument: 'a'"),
    ("add", [1, 2, 3], "add(a, b=10): too many positional arguments"),
    ("add", {"a": 1, "c": 2}, "add(a, b=10): got an unexpected keyword argument 'c'"),
    ("only", {"a": 1}, None),
    ("wrapped", [], "wrapped(a): missing a required argument: 'a'"),
    ("cached", [1, 2], "cached(a): too many positional arguments"),
    ("wait", [], "wait(a: int): missing a required argument: 'a'"),
    ("partial", [1, 2], "partial(b=10): too many positional arguments"),
    ("callable", [], "callable(a): missing a required argument: 'a'"),
    ("shout", [], "shout(text='xxx"),
]


def test_arguments_that_do_not_fit(start):
    worker = start('''
        import functools, jumpboot
        def add(a, b=10): return a + b
        def only(a, /): return a
        def decorate(function):
            @functools.wraps(function)
            def run(*args, **kwargs): return function(*args, **kwargs)
            return run
        @decorate
        def wrapped(a): return a
        @functools.lru_cache()
        def cached(a): return a
        async def wait(a: int): return a
        class Callable:
            def __call__(self, a): return a
        def shout(text="x" * 1000, *, loud): return text
        for name, function in [("partial", functools.partial(add, 1)), ("callable", Callable()),
                               *((f.__name__, f) for f in
                                 (add, only, wrapped, cached, wait, shout))]:
            jumpboot.expose(name)(function)
    ''')
    for function, params, message in MISFITS:
        error = worker.error(function, params)
        assert error["kind"] == "invalid_params", error
        if message is not None:
            assert error["error"].startswith(message)
        assert error["signature"] == error["error"].partition("): ")[0] + ")"
        assert len(error["error"]) < 600


def test_type_error_inside_is_no_misfit(start):
    worker = start('''
        import functools, jumpboot
        def inner(a): return a
        def plain(a): return inner()
        def direct(a): raise TypeError("missing a required argument: 'a'")
        def decorate(function):
            @functools.wraps(function)
            def run(*args): return function(*args)
            return run
        @decorate
        def wrapped(a): return a + "x"
        async def wait(a): return inner()
        jumpboot.expose("length")(len)
        for function in (plain, direct, wrapped, wait): jumpboot.expose(function)
    ''')
    for function in ("plain", "direct", "wrapped", "wait", "length"):
        error = worker.error(function, [1])
        assert (error["kind"], error["exception"]) == ("exception", "TypeError"), error
    assert worker.error("length", [])["kind"] == "invalid_params"


def test_params_that_are_no_arguments(start):
    worker = start(ADD)
    for params in (b"3", b'"x"', b"null", b"true", b"1.5"):
        error = worker.error("add", params)
        assert error["kind"] == "invalid_params"
        assert error["error"] == "the arguments do not fit: neither an object nor an array"
    assert worker.result("add", [1]) == 11


UNREADABLE = [b"[" + b"9" * 5000 + b"]", b'{"a":' + b"9" * 5000 + b"}", b"[1", b"[1] 2", b"[1}}",
              b"nonsense", b'["\xff"]', b"[" * 100000, b'["\\x"]', b"", b"[1]]"]


@pytest.mark.parametrize("params", UNREADABLE, ids=lambda params: repr(params[:12]))
def test_arguments_that_cannot_be_parsed(start, params):
    worker = start(ADD)
    error = worker.error("add", params)
    assert error["kind"] == "invalid_params"
    assert error["error"].startswith("the arguments cannot be read: ")
    assert worker.result("add", [1, 2]) == 3


def test_huge_integer_names_the_limit(start):
    worker = start("import sys\ndef limit(): return sys.get_int_max_str_digits()\n"
                   "def same(x): return x")
    assert worker.result("limit") == 4300
    assert "4300" in worker.error("same", b"[" + b"9" * 5000 + b"]")["error"]
    assert worker.result("same", b"[" + b"9" * 4300 + b"]") == int("9" * 4300)


def test_deep_arguments(start):
    worker = start("def depth(x):\n    n = 0\n    while x: x, n = x[0], n + 1\n    return n")
    assert worker.result("depth", b"[" + b"[" * 253 + b"]" * 253 + b"]") == 252


@pytest.mark.parametrize("line", [b"nonsense\n", b"{}\n", b"\n", b'{"request_id":"1"}\n',
                                  b'{"request_id":"1","command":"a\\x","data":[]}\n',
                                  b'{"command":"add","request_id":"1"}\n'])
def test_what_has_no_id_ends_the_worker(start, line):
    """Only the daemon writes to this pipe: to guess on would be to answer the wrong request."""
    worker = start(ADD)
    worker.send(line)
    assert worker.wait() == 1
    assert b"ProtocolError: not a request" in worker.err.whole()


def test_leaving_is_an_answer(start):
    worker = start('''
        import sys, os
        def leave(status): sys.exit(status)
        def interrupt(): raise KeyboardInterrupt
        def odd(): raise GeneratorExit("odd")
        async def leave_async(): sys.exit(4)
        async def cancelled():
            import asyncio
            raise asyncio.CancelledError
        class Own(BaseException): pass
        def own(): raise Own("mine")
        def pid(): return os.getpid()
        async def fine(): return 1
    ''')
    pid = worker.result("pid")
    for function, params, name, args in [
            ("leave", [3], "SystemExit", [3]), ("interrupt", [], "KeyboardInterrupt", []),
            ("odd", [], "GeneratorExit", ["odd"]), ("leave_async", [], "SystemExit", [4]),
            ("own", [], "Own", ["mine"]),
            ("cancelled", [], "asyncio.exceptions.CancelledError", [])]:
        error = worker.error(function, params)
        assert (error["kind"], error["exception"], error["args"]) == ("exception", name, args)
        assert worker.result("fine") == 1
    assert worker.result("pid") == pid


def test_async_functions_share_one_loop(start):
    worker = start('''
        import asyncio, functools, jumpboot
        loops, ticks = set(), []
        async def add(a, b):
            loops.add(id(asyncio.get_running_loop()))
            await asyncio.sleep(0)
            return a + b
        async def tick():
            for n in range(3):
                ticks.append(n)
                await asyncio.sleep(0)
        async def begin(): asyncio.get_running_loop().create_task(tick())
        async def wait():
            while len(ticks) < 3: await asyncio.sleep(0)
            return ticks
        def how_many(): return len(loops)
        async def close():
            asyncio.get_running_loop().stop()
            await asyncio.sleep(0)
        def decorate(function):
            @functools.wraps(function)
            def run(*args): return function(*args)
            return run
        @decorate
        async def wrapped(a): return a
        @decorate
        def _plain(a): return a
    ''')
    assert [worker.result("add", [n, 1]) for n in range(3)] == [1, 2, 3]
    assert worker.result("how_many") == 1
    worker.result("begin")
    assert worker.result("wait") == [0, 1, 2]
    assert worker.result("wrapped", [5]) == 5
    assert worker.methods["wrapped"]["async"] is True
    assert worker.error("close")["exception"] == "RuntimeError"
    assert worker.result("add", [1, 2]) == 3


def test_closed_event_loop_is_replaced(start):
    worker = start('''
        import asyncio
        loop = None
        async def add(a, b):
            global loop
            loop = asyncio.get_running_loop()
            return a + b
        def close(): loop.close()
    ''')
    assert worker.result("add", [1, 2]) == 3
    worker.result("close")
    assert worker.result("add", [1, 3]) == 4


def test_own_event_loop_in_a_plain_function(start):
    worker = start('''
        import asyncio
        async def one(): return 1
        def run(): return asyncio.run(one())
    ''')
    assert [worker.result(name) for name in ("run", "one", "run", "one")] == [1, 1, 1, 1]


def test_batch_in_order(start):
    """Many requests in one write, cut anywhere, are answered in order, each once."""
    worker = start(ADD)
    lines = [worker.request("add", [number, 0]) for number in range(2000)]
    data = b"".join(line for line, _ in lines)

    def send():
        for at in range(0, len(data), 997):
            worker.send(data[at:at + 997])
    threading.Thread(target=send, daemon=True).start()
    for number, (_, serial) in enumerate(lines):
        assert worker.answer() == {"request_id": serial, "result": number}


def test_answer_is_written_before_the_next_function_begins(start):
    """While the second function waits for us, the first answer is there already."""
    read, write = os.pipe()
    worker = start('''
        import os, sys
        def wait(): return os.read(sys.extra_file_descriptors[0], 1).decode()
        def quick(): return 1
    ''', extra_fds=[read])
    os.close(read)
    worker.send(worker.request("quick")[0] + worker.request("wait")[0])
    assert worker.answer()["result"] == 1
    os.write(write, b"x")
    os.close(write)
    assert worker.answer()["result"] == "x"


def test_large_request_and_answer(start):
    worker = start("def same(x): return x\ndef size(x): return len(x)")
    text = "ä\\\"x" * 2000000
    assert worker.result("same", [text]) == text
    assert worker.result("size", ['"' * 16000000]) == 16000000
    assert worker.result("size", {"x": [1] * 1000000}) == 1000000


def test_memory_is_given_back(start):
    """A large request is not kept when it has been answered, nor while the next is waited for."""
    worker = start('''
        def size(x): return len(x)
        def resident():
            with open("/proc/self/statm") as statm:
                return int(statm.read().split()[1]) * 4096
    ''')
    before = worker.result("resident")
    worker.result("size", ["x" * 50000000])
    assert worker.result("resident") - before < 20000000


def test_non_blocking_answers(start):
    """A program that makes the answer pipe non-blocking does not break answers in two."""
    worker = start('''
        import jumpboot, os
        def make(n):
            os.set_blocking(jumpboot.Pipe_out.fileno(), False)
            return "x" * n
    ''')
    assert len(worker.result("make", [1])) == 1
    assert len(worker.result("make", [3000000])) == 3000000


def test_serial_stays_with_its_request(start):
    worker = start(ADD)
    for serial in ("1", "18446744073709551615", "x-7"):
        line, _ = worker.request("add", [1, 2], serial=serial)
        worker.send(line)
        assert json.dumps(worker.answer()) == '{"request_id": "%s", "result": 3}' % serial
