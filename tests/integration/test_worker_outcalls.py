# SPDX-License-Identifier: MIT
"""Calls that a function makes while it runs: the worker's side, with the test as the daemon."""
import json

import pytest
from worker_fixtures import python, spawn, start  # noqa: F401

MAIN = """
    import asyncio, threading
    from concurrent.futures import ThreadPoolExecutor
    import jumpboot

    def one(name, *args, **kwargs):
        return jumpboot.call(name, *args, **kwargs)

    async def aone(name, *args):
        return await jumpboot.acall(name, *args)

    async def both(*names):
        return await asyncio.gather(*[jumpboot.acall(name) for name in names])

    async def within_async(name):
        return jumpboot.call(name)

    def caught(name, timeout=None):
        try:
            return jumpboot.call(name, timeout=timeout)
        except jumpboot.CallError as error:
            return [type(error).__name__, isinstance(error, TimeoutError), error.code, error.kind,
                    str(error)]

    def add(a, b):
        return a + b
"""


def answer(worker, call, **members):
    """What the daemon writes, in its layout."""
    line = json.dumps({"request_id": call["request_id"], **members}, separators=(",", ":"))
    worker.send(line.encode() + b"\n")


def begin(worker, function, *params):
    line, serial = worker.request(function, list(params))
    worker.send(line)
    return serial


def test_a_call_is_a_line_and_its_answer_the_result(start):
    worker = start(MAIN)
    serial = begin(worker, "one", "other.fn", 1, "ä")
    call = worker.answer()
    assert call == {"request_id": "py-1", "command": "other.fn", "data": [1, "ä"], "for": serial}
    answer(worker, call, result={"x": [1, 2]})
    assert worker.answer() == {"request_id": serial, "result": {"x": [1, 2]}}


def test_arguments_by_name_and_a_timeout(start):
    worker = start("import jumpboot\ndef go(): return jumpboot.call('b.f', timeout=2.5, x=1, y=None)")
    begin(worker, "go")
    call = worker.answer()
    assert call["data"] == {"x": 1, "y": None} and 2 < call["timeout"] <= 2.5
    answer(worker, call, result=None)
    assert worker.answer()["result"] is None


def test_requests_that_come_meanwhile_are_served_in_their_order(start):
    worker = start(MAIN)
    first = begin(worker, "one", "b.f")
    call = worker.answer()
    later = [begin(worker, "add", 1, n) for n in range(3)]
    answer(worker, call, result=7)
    later.append(begin(worker, "add", 1, 3))
    got = [worker.answer() for _ in range(5)]
    assert got[0] == {"request_id": first, "result": 7}
    assert got[1:] == [{"request_id": serial, "result": 1 + n} for n, serial in enumerate(later)]


def test_answers_and_requests_in_one_read_and_in_pieces(start):
    worker = start(MAIN)
    begin(worker, "one", "b.f")
    call = worker.answer()
    text = (json.dumps({"request_id": call["request_id"], "result": "é" * 100000},
                       separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
    line, _ = worker.request("add", [1, 2])
    both = text + line
    for start_at in range(0, len(both), 33333):
        worker.send(both[start_at:start_at + 33333])
    assert worker.answer()["result"] == "é" * 100000
    assert worker.answer()["result"] == 3


def test_coroutines_call_at_once_and_answers_come_in_any_order(start):
    worker = start(MAIN)
    serial = begin(worker, "both", "b.x", "b.y", "b.z")
    calls = [worker.answer() for _ in range(3)]
    assert {call["for"] for call in calls} == {serial}
    for call in reversed(calls):
        answer(worker, call, result=call["command"])
    assert worker.answer()["result"] == ["b.x", "b.y", "b.z"]


def test_a_coroutine_alone_and_one_that_blocks(start):
    worker = start(MAIN)
    for function in ("aone", "within_async"):
        begin(worker, function, "b.f")
        answer(worker, worker.answer(), result=1)
        assert worker.answer()["result"] == 1


@pytest.mark.parametrize("way", [
    "[t.start() for t in ts]; [t.join() for t in ts]",
    "[t.start() for t in ts]; ask(0); [t.join() for t in ts]",
])
def test_threads_that_the_function_starts(start, way):
    worker = start("""
        import threading, jumpboot
        def go():
            got = {}
            def ask(n):
                got[n] = jumpboot.call("b.f", n)
            ts = [threading.Thread(target=ask, args=(n,)) for n in range(1, 5)]
            WAY
            return sorted(got.items())
        """.replace("WAY", way))
    for _ in range(3):
        begin(worker, "go")
        calls = [worker.answer() for _ in range(4 + ("ask(0)" in way))]
        for call in sorted(calls, key=lambda call: hash(call["request_id"])):
            answer(worker, call, result=call["data"][0] * 10)
        assert worker.answer()["result"] == [[n, n * 10]
                                             for n in range("ask(0)" not in way, 5)]


def test_executors_that_outlive_requests(start):
    worker = start("""
        from concurrent.futures import ThreadPoolExecutor
        import asyncio, jumpboot
        executor = ThreadPoolExecutor(2)
        def go():
            return list(executor.map(lambda n: jumpboot.call("b.f", n), range(4)))
        async def ago():
            loop = asyncio.get_running_loop()
            ways = [loop.run_in_executor(executor, jumpboot.call, "b.f", 1),
                    asyncio.to_thread(jumpboot.call, "b.f", 2), jumpboot.acall("b.f", 3)]
            return await asyncio.gather(*ways)
        """)
    for _ in range(3):
        serial = begin(worker, "go")
        for _ in range(4):
            call = worker.answer()
            assert call["for"] == serial
            answer(worker, call, result=call["data"][0])
        assert worker.answer()["result"] == [0, 1, 2, 3]
        begin(worker, "ago")
        for call in [worker.answer() for _ in range(3)]:
            answer(worker, call, result=call["data"][0])
        assert worker.answer()["result"] == [1, 2, 3]


@pytest.mark.parametrize("kind, code, name, is_timeout", [
    ("exception", -32000, "RemoteError", False), ("timeout", -32002, "CallTimeout", True),
    ("worker_died", -32003, "WorkerDied", False), ("unavailable", -32005, "CallUnavailable", False),
    ("shutting_down", -32004, "CallUnavailable", False),
    ("overloaded", -32001, "CallUnavailable", False),
    ("cancelled", -32006, "CallCancelled", False), ("call_refused", -32009, "CallRefused", False),
    ("too_large", -32008, "CallTooLarge", False),
    ("method_not_found", -32601, "MethodNotFound", False),
    ("invalid_params", -32602, "InvalidParams", False), ("internal_error", -32603, "CallError", False),
    ("new_one", -32099, "CallError", False),
])
def test_errors_are_exceptions(start, kind, code, name, is_timeout):
    worker = start(MAIN)
    begin(worker, "caught", "b.f")
    answer(worker, worker.answer(),
           error={"code": code, "message": "Wrong", "data": {"kind": kind, "detail": "so it is"}})
    assert worker.answer()["result"] == [name, is_timeout, code, kind, "Wrong: so it is"]


def test_a_remote_exception_with_its_traceback(start):
    worker = start("""
        import pickle, traceback, jumpboot
        def go():
            try:
                jumpboot.call("b.f")
            except jumpboot.RemoteError as error:
                again = pickle.loads(pickle.dumps(error))
                return [error.exception, error.remote_message, error.remote_args, error.traceback,
                        "".join(traceback.format_exception(type(error), error,
                                                           error.__traceback__)),
                        [type(again).__name__, again.exception, str(again), again.code]]
        def leave():
            jumpboot.call("b.f")
        """)
    error = {"code": -32000, "message": "KeyError: 'x'", "data": {
        "kind": "exception", "exception": "KeyError", "message": "'x'", "args": ["x"],
        "traceback": "Traceback of b\nKeyError: 'x'\n", "cause": None}}
    begin(worker, "go")
    answer(worker, worker.answer(), error=error)
    name, message, args, text, shown, again = worker.answer()["result"]
    assert [name, message, args, text] == ["KeyError", "'x'", ["x"],
                                           "Traceback of b\nKeyError: 'x'\n"]
    assert "Traceback of b" in shown and "jumpboot.RemoteError: KeyError: 'x'" in shown
    assert again == ["RemoteError", "KeyError", "KeyError: 'x'", -32000]
    begin(worker, "leave")
    answer(worker, worker.answer(), error=error)
    told = worker.answer()
    assert told["data"]["exception"] == "jumpboot.RemoteError"
    assert "Traceback of b" in told["data"]["traceback"]


def test_errors_of_other_shapes(start):
    worker = start(MAIN)
    for error in ("text", {"code": 1}, {"code": 1, "message": "m", "data": 7}, None):
        begin(worker, "caught", "b.f")
        answer(worker, worker.answer(), error=error)
        assert worker.answer()["result"][0] == "CallError"


@pytest.mark.parametrize("arguments, problem", [
    ("'b.f', 1, x=2", "positional or keyword"), ("'b.f', timeout=0", "over 0"),
    ("'b.f', timeout=-1", "over 0"), ("'b.f', timeout='1'", "number of seconds"),
    ("'b.f', timeout=True", "number of seconds"), ("'b.f', timeout=float('nan')", "over 0"),
    ("17", "program.function"), ("'b.f', object()", "arguments[0] is of type"),
    ("'b.f', x=float('nan')", 'arguments["x"] is nan'), ("'b.f\\udc80'", "function's name"),
])
def test_what_cannot_be_sent_is_told_at_once(start, arguments, problem):
    worker = start("import jumpboot\ndef go(): return jumpboot.call(%s)" % arguments)
    error = worker.error("go")
    assert error["exception"] in ("TypeError", "ValueError") and problem in error["message"]


def test_an_endless_timeout_is_a_year(start):
    worker = start("import jumpboot\ndef go(): return jumpboot.call('b.f', timeout=float('inf'))")
    begin(worker, "go")
    call = worker.answer()
    assert 31536000 - 60 < call["timeout"] <= 31536000
    answer(worker, call, result=1)
    assert worker.answer()["result"] == 1


OUTSIDE = """
    import os, threading, jumpboot
    told = []
    def attempt():
        try:
            jumpboot.call("b.f")
        except jumpboot.CallError as error:
            told.append([type(error).__name__, error.data["reason"], error.code])
    attempt()
    jumpboot.on_start(attempt)
    background = threading.Event()
    def wait_and_attempt():
        background.wait()
        attempt()
    threads = []
    @jumpboot.on_start
    def begin():
        threads.append(threading.Thread(target=wait_and_attempt))
        threads[0].start()
    @jumpboot.expose
    def tell():
        background.set()
        threads[0].join()
        return told
    @jumpboot.expose
    def fork():
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            told.clear()
            attempt()
            os.write(write, repr(told).encode())
            os._exit(0)
        os.waitpid(pid, 0)
        return os.read(read, 1000).decode()
"""


def test_calls_outside_of_requests_are_refused(start):
    worker = start(OUTSIDE)
    assert worker.result("tell") == [["CallRefused", "outside", None]] * 3
    assert worker.result("fork") == "[['CallRefused', 'outside', None]]"


def test_a_thread_that_outlives_its_request_cannot_call_in_another(start):
    worker = start("""
        import threading, jumpboot
        go_on, told = threading.Event(), []
        def attempt():
            go_on.wait()
            try:
                jumpboot.call("b.f")
            except jumpboot.CallRefused as error:
                told.append(str(error))
        def leave():
            told.append(threading.Thread(target=attempt))
            told[0].start()
        def tell():
            go_on.set()
            told.pop(0).join()
            return told
        """)
    worker.result("leave")
    assert "has ended" in worker.result("tell")[0]


def test_a_thread_that_waits_when_its_request_ends(start):
    """It reads the pipe at that moment, and must not read what comes for the loop."""
    worker = start("""
        import threading, jumpboot
        told, threads, begun = [], [], threading.Event()
        def attempt():
            begun.set()
            try:
                told.append(jumpboot.call("b.f"))
            except jumpboot.CallCancelled as error:
                told.append(str(error))
        def leave():
            begun.clear()
            threads.append(threading.Thread(target=attempt))
            threads[-1].start()
        def tell():
            [thread.join() for thread in threads]
            return told
        def add(a, b):
            return a + b
        """)
    for n in range(5):
        begin(worker, "leave")
        lines = [worker.answer()]
        if "result" not in lines[0]:
            lines.append(worker.answer())
        calls = [line for line in lines if "command" in line]
        assert worker.result("add", [1, n]) == 1 + n
        for call in calls:
            answer(worker, call, error={"code": -32006, "message": "Cancelled"})
        assert worker.result("add", [2, n]) == 2 + n
    told = worker.result("tell")
    assert len(told) == 5 and all("has ended" in text for text in told)


def test_a_task_that_waits_when_its_request_ends(start):
    worker = start("""
        import asyncio, jumpboot
        told = []
        async def attempt():
            try:
                told.append(await jumpboot.acall("b.f"))
            except jumpboot.CallCancelled as error:
                told.append(str(error))
        async def leave():
            asyncio.ensure_future(attempt())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        async def tell():
            await asyncio.sleep(0.01)
            return told
        def add(a, b):
            return a + b
        """)
    begin(worker, "leave")
    call = worker.answer()
    assert call["command"] == "b.f"
    assert worker.answer()["result"] is None
    assert worker.result("add", [1, 2]) == 3
    answer(worker, call, error={"code": -32006, "message": "Cancelled"})
    assert "has ended" in worker.result("tell")[0]
    assert worker.result("add", [1, 2]) == 3


WAITING = {
    "sync": "def go(): return jumpboot.call('b.f')",
    "async": "async def go(): return await jumpboot.acall('b.f')",
    "within": "async def go(): return jumpboot.call('b.f')",
    "gather": "async def go(): await asyncio.gather(jumpboot.acall('b.f'), asyncio.sleep(3600))",
    "follower": """
def go():
    worker = threading.Thread(target=lambda: jumpboot.call('b.g'))
    worker.start()
    try:
        return jumpboot.call('b.f')
    finally:
        worker.join()
""",
}


@pytest.mark.parametrize("way", WAITING)
@pytest.mark.parametrize("is_cancelled", [False, True])
def test_interrupts_while_it_waits(start, way, is_cancelled):
    worker = start("import asyncio, threading, jumpboot\n" + WAITING[way]
                   + "\ndef add(a, b): return a + b")
    begin(worker, "go")
    calls = [worker.answer() for _ in range(2 if way == "follower" else 1)]
    for call in calls:
        if call["command"] == "b.g":
            answer(worker, call, result=None)
    told = worker.interrupted(1, is_cancelled)
    cancels = []
    while "command" in told:  # the call that nobody waits for
        cancels.append(told)
        told = worker.answer()
    assert told["data"]["exception"] == (
        "jumpboot.RequestCancelled" if is_cancelled else "jumpboot.RequestTimeout")
    waited = next(call for call in calls if call["command"] == "b.f")
    assert cancels == [{"command": "$/cancelRequest", "data": {"id": waited["request_id"]}}]
    later, serial = worker.request("add", [1, 2])
    late = {"request_id": waited["request_id"], "result": "x" * 10}
    worker.send(json.dumps(late, separators=(",", ":")).encode() + b"\n" + later)
    assert worker.answer() == {"request_id": serial, "result": 3}


def test_late_answers_before_a_request_in_the_same_read_and_among_calls(start):
    worker = start(MAIN + """
    async def impatient():
        try:
            await asyncio.wait_for(jumpboot.acall("b.slow"), 0.01)
        except asyncio.TimeoutError:
            return await jumpboot.acall("b.fast")
    """)
    begin(worker, "impatient")
    slow, cancel, fast = (worker.answer() for _ in range(3))
    assert cancel == {"command": "$/cancelRequest", "data": {"id": slow["request_id"]}}
    answer(worker, slow, result="late")
    answer(worker, fast, result="in time")
    assert worker.answer()["result"] == "in time"
    assert worker.result("add", [1, 2]) == 3


def test_more_calls_than_may_be_under_way(start):
    worker = start(MAIN)
    begin(worker, "both", *["b.f%d" % n for n in range(200)])
    calls = [worker.answer() for _ in range(64)]
    for n in range(200):
        call = calls.pop()
        answer(worker, call, result=call["command"])
        if n < 200 - 64:
            calls.append(worker.answer())
    assert worker.answer()["result"] == ["b.f%d" % n for n in range(200)]


def test_the_daemon_ends_while_it_waits(start):
    worker = start(MAIN)
    begin(worker, "caught", "b.f")
    worker.answer()
    worker.end_input()
    assert worker.answer()["result"][:1] == ["CallUnavailable"]
    assert worker.wait() == 0


def test_arguments_that_are_too_large(start):
    worker = start("import jumpboot\ndef go(n): return jumpboot.call('b.f', 'x' * n)",
                   max_request_size=1000)
    error = worker.error("go", [1000])
    assert error["exception"] == "jumpboot.CallTooLarge" and "max_request_size" in error["message"]
    begin(worker, "go", 800)
    answer(worker, worker.answer(), result=1)
    assert worker.answer()["result"] == 1


def test_a_result_that_python_cannot_read(start):
    worker = start(MAIN)
    begin(worker, "one", "b.f")
    call = worker.answer()
    worker.send(b'{"request_id":"%s","result":%s}\n'
                % (call["request_id"].encode(), b"[" * 200000 + b"]" * 200000))
    told = worker.answer()
    assert told["data"]["exception"] in ("ValueError", "RecursionError")
    assert worker.result("add", [1, 2]) == 3


def test_a_call_within_a_finalizer_and_one_while_another_is_interrupted(start):
    worker = start(MAIN + """
    def twice():
        try:
            jumpboot.call("b.first")
        except jumpboot.RequestTimeout:
            return jumpboot.call("b.second")
    """)
    begin(worker, "twice")
    first = worker.answer()
    cancel = worker.interrupted(1)
    second = worker.answer()
    assert [cancel["command"], second["command"]] == ["$/cancelRequest", "b.second"]
    answer(worker, first, error={"code": -32002, "message": "Timed out"})
    answer(worker, second, result=2)
    assert worker.answer()["result"] == 2
