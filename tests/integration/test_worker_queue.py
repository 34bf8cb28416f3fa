# SPDX-License-Identifier: MIT
"""Main modules that read the requests themselves, with a JSONQueue or from the pipe."""
import subprocess

import pytest
from worker_fixtures import python, spawn, start  # noqa: F401
from worker_host import StartFailed

LOOP = '''
    import jumpboot
    from jumpboot import JSONQueue

    queue = JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
    while True:
        message = queue.get()
        data = message["data"]
        if message["command"] == "add":
            queue.put({"result": data["a"] + data["b"], "request_id": message["request_id"]})
        elif message["command"] == "echo":
            queue.put({"result": data})
        elif message["command"] == "bare":
            queue.put({"total": 3})
        elif message["command"] == "fail":
            queue.put({"error": "it went wrong", "traceback": "somewhere"})
'''


def test_a_loop_is_ready_when_it_first_listens(start):
    worker = start(LOOP)
    assert worker.methods == {}
    assert not worker.counts
    assert worker.result("add", {"a": 1, "b": 2}) == 3
    assert worker.result("echo", ["é", None]) == ["é", None]
    assert worker.result("bare") == {"total": 3}
    line, serial = worker.request("fail")
    worker.send(line)
    assert worker.answer() == {
        "request_id": serial, "error": "it went wrong", "traceback": "somewhere"}
    assert worker.close() == 0
    assert worker.err.whole() == b""
    assert worker.status() == {"type": "status", "message": "exit"}


def rpc_line(worker, command, data=None):
    line, serial = worker.request(command, data)
    worker.send(line)
    return serial


def test_answers_that_name_their_request(start):
    """With two requests, which the daemon may send at once one day, only those are answers."""
    worker = start('''
        import jumpboot
        queue = jumpboot.JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
        first, second = queue.get(), queue.get()
        try:
            queue.put({"result": "whose?"})
        except ValueError as error:
            queue.put({"result": str(error), "request_id": second["request_id"]})
        queue.put("the only one left")
        queue.put("to nobody")
        queue.put({"result": 1, "request_id": "99"})
        print(queue.get()["command"])
        queue.put({"value": 3, "request_id": None})
    ''')
    first, second = rpc_line(worker, "f"), rpc_line(worker, "g")
    answer = worker.answer()
    assert answer["request_id"] == second
    assert answer["result"].startswith(
        "a message without a request_id, while 2 requests wait for an answer: {'result'")
    assert worker.answer() == {"request_id": first, "result": "the only one left"}
    assert worker.status() == {"type": "log", "level": "warning", "message":
                               "a message that answers no request is dropped: 'to nobody'"}
    assert worker.answer() == {"request_id": "99", "result": 1}, "the daemon knows better"
    third = rpc_line(worker, "h")
    assert worker.answer() == {"request_id": third, "result": {"value": 3}}
    assert worker.wait() == 0
    assert b"\x1e%s\x1eh\n" % third.encode() in worker.out.whole()


SERVER = '''
    import time
    from jumpboot import JSONQueueServer

    class Adder(JSONQueueServer):
        def add(self, a, b): return a + b
        def ask(self): return self.request("other.f")

    server = Adder()
    while server.running: time.sleep(0.01)
'''
DIGITS = "9" * 5000


@pytest.fixture
def limited(start, python):
    """Starts a worker whose Python reads no integers of 5,000 digits."""
    run = subprocess.run([python, "-c", "int(%r)" % DIGITS], stderr=subprocess.DEVNULL)
    if run.returncode == 0:
        pytest.skip("this Python reads integers of any length")
    return start


@pytest.mark.parametrize("main", [LOOP, SERVER], ids=["loop", "server"])
def test_arguments_that_python_cannot_read(limited, main):
    """They are JSON, and cost nobody anything but whoever sends them."""
    worker = limited(main)
    worker.send(b'{"request_id":"7","command":"add","data":{"a":%s}}\n' % DIGITS.encode())
    answer = worker.answer()
    assert (answer["request_id"], answer["kind"]) == ("7", "invalid_params")
    assert answer["error"].startswith("the arguments cannot be read: Exceeds the limit")
    assert worker.result("add", {"a": 1, "b": 2}) == 3
    assert worker.close() == 0
    assert worker.err.whole() == b""


def test_results_of_calls_that_python_cannot_read(limited):
    worker = limited(SERVER)
    line, serial = worker.request("ask")
    worker.send(line)
    call = worker.answer()
    assert (call["command"], call["for"]) == ("other.f", serial)
    worker.send(('{"request_id":"%s","result":%s}\n' % (call["request_id"], DIGITS)).encode())
    answer = worker.answer()
    assert answer["request_id"] == serial
    assert answer["error"].startswith("ValueError: the result cannot be read: Exceeds the limit")
    assert worker.result("add", {"a": 1, "b": 2}) == 3
    assert worker.close() == 0


def test_what_a_queue_puts_is_converted_and_limited(start):
    worker = start('''
        import datetime, jumpboot
        queue = jumpboot.JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
        values = {"bytes": b"abc", "day": datetime.date(2026, 1, 2), "large": "x" * 2000,
                  "nan": float("nan"), "thing": object()}
        while True:
            message = queue.get()
            try:
                queue.put(values[message["command"]])
            except (TypeError, ValueError) as error:
                queue.put({"error": str(error)})
    ''', max_response_size=1000)
    assert worker.result("bytes") == "YWJj"
    assert worker.result("day") == "2026-01-02"
    assert worker.error("large")["limit"] == 1000
    assert worker.call("nan")["error"].startswith('message["result"] is nan')
    assert "of type builtins.object, which JSON does not know" in worker.call("thing")["error"]


@pytest.mark.parametrize("read", ["jumpboot.Pipe_in.readline()", "next(iter(jumpboot.Pipe_in))",
                                  "os.read(0, 0) or jumpboot.Pipe_in.buffer.readline()"])
def test_whoever_reads_from_the_pipe_listens(start, read):
    worker = start('''
        import json, os, jumpboot
        while True:
            line = %s
            if not line:
                break
            message = json.loads(line)
            print(json.dumps({"request_id": message["request_id"], "result": message["data"]}),
                  file=jumpboot.Pipe_out, flush=True)
    ''' % read)
    assert worker.result("any", [1]) == [1]
    assert worker.result("other", {"a": 2}) == {"a": 2}


def test_limits_of_time(start):
    worker = start('''
        import os, jumpboot
        def try_all():
            readable, writable = os.pipe()
            queue = jumpboot.JSONQueue(readable, writable)
            seen = []
            for block, timeout in ((False, None), (True, 0), (True, 0.01), (False, 5), (True, -1)):
                try:
                    queue.get(block, timeout)
                except (TimeoutError, BlockingIOError, ValueError) as error:
                    seen.append([type(error).__name__, str(error)])
            queue.put([1])
            return seen, queue.get(block=False)
    ''')
    assert worker.result("try_all") == [[
        ["BlockingIOError", "no message has come"], ["TimeoutError", "no message has come"],
        ["TimeoutError", "no message has come"], ["BlockingIOError", "no message has come"],
        ["ValueError", "timeout is -1: it must not be negative"]], [1]]


@pytest.mark.parametrize("end, status, told", [
    ("queue.get()", 0, b""),
    ("raise SystemExit", 0, b""),
    ("raise SystemExit(7)", 7, b""),
    ("raise RuntimeError('so it ends')", 1, b"RuntimeError: so it ends"),
    ("raise EOFError('of something else')", 1, b"EOFError: of something else"),
])
def test_how_a_main_module_ends(start, end, status, told):
    """As a script does; a loop that comes to the end of requests is in good order."""
    worker = start('''
        import jumpboot
        @jumpboot.on_start
        def begin(): print("begun")
        @jumpboot.on_exit
        def leave(): print("left")
        queue = jumpboot.JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
        queue.get()
        queue.put(1)
        %s
    ''' % end)
    assert worker.result("go") == 1
    worker.end_input()
    assert worker.wait() == status
    assert told in worker.err.whole()
    assert (b"Traceback" in worker.err.whole()) == bool(told)
    assert worker.out.whole() == (b"begun\n" if told else b"begun\nleft\n")


def test_an_on_start_that_fails(spawn):
    worker = spawn('''
        import jumpboot
        @jumpboot.on_start
        def begin(): raise ValueError("no database")
        jumpboot.JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out).get()
    ''')
    with pytest.raises(StartFailed) as failed:
        worker.ready()
    assert failed.value.status["stage"] == "on_start"
    assert failed.value.status["message"] == "no database"


def test_a_queue_that_nobody_listens_to_is_no_loop(start):
    worker = start('''
        import jumpboot
        queue = jumpboot.JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
        def add(a, b): return a + b
        def listen(): return queue.get()
    ''')
    assert worker.result("add", [1, 2]) == 3
    assert "the worker reads them itself" in worker.error("listen")["message"]


def test_a_loop_in_a_thread(start):
    worker = start('''
        import threading, time, jumpboot
        queue = jumpboot.JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
        def serve():
            try:
                while True:
                    queue.put(queue.get()["data"])
            except EOFError:
                pass
        threading.Thread(target=serve).start()
        while not jumpboot.own_loop.own_loop.has_begun:
            time.sleep(0.001)
    ''')
    assert worker.result("any", [1]) == [1]
    assert worker.close() == 0


def test_pipes_that_do_not_belong_together(spawn):
    worker = spawn('''
        import os, jumpboot
        jumpboot.JSONQueue(jumpboot.Pipe_in, os.pipe()[1])
    ''')
    with pytest.raises(StartFailed, match="Pipe_in and jumpboot.Pipe_out belong together"):
        worker.ready()


def test_no_pipe(start):
    worker = start('''
        import jumpboot
        def bad(pipe):
            jumpboot.JSONQueue(pipe, 1)
    ''')
    for pipe in (None, "x", [], True):
        error = worker.error("bad", {"pipe": pipe})
        assert (error["exception"], "read_pipe is " in error["message"]) == ("TypeError", True)
    assert worker.error("bad", {"pipe": -1})["message"] == "read_pipe is -1, which is no descriptor"


def test_calls_from_a_loop(start):
    """The one thread that there is reads the answer itself; a request that comes first is kept."""
    worker = start('''
        import asyncio, jumpboot
        queue = jumpboot.JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
        while True:
            message = queue.get()
            if message["command"] == "call":
                queue.put(jumpboot.call("other.f", 1))
            elif message["command"] == "acall":
                async def call():
                    return await jumpboot.acall("other.f", 1)
                queue.put(asyncio.run(call()))
            elif message["command"] == "by hand":
                queue.put({"command": "other.f", "data": [1], "request_id": "py-1"})
                queue.put(queue.get()["result"])
            else:
                queue.put(message["command"])
    ''')
    for command in ("call", "by hand", "acall"):
        serial = rpc_line(worker, command)
        call = worker.answer()
        assert (call["command"], call["data"]) == ("other.f", [1])
        kept = None if command == "by hand" else rpc_line(worker, "kept")
        worker.send(b'{"request_id":"%s","result":{"x":1}}\n' % call["request_id"].encode())
        assert worker.answer() == {"request_id": serial, "result": {"x": 1}}
        if kept:
            assert worker.answer() == {"request_id": kept, "result": "kept"}


def test_msgpack_of_the_environment(spawn, start, python):
    """In whatever way it is asked for; where there is none, that way tells how to get it."""
    uses = {
        "attribute": "import jumpboot; packb = jumpboot.msgpack.packb",
        "module": "import jumpboot.msgpack; packb = jumpboot.msgpack.packb",
        "member": "from jumpboot import msgpack; packb = msgpack.packb",
        "name": "from jumpboot.msgpack import packb",
    }
    has_it = subprocess.run([python, "-c", "import msgpack"], capture_output=True).returncode == 0
    if has_it:
        worker = start("".join("def %s():\n    %s\n    return packb([1, 2])\n" % item
                               for item in uses.items()))
        assert [worker.result(name) for name in uses] == ["kgEC"] * 4
        return
    for use in uses.values():
        with pytest.raises(StartFailed) as failed:
            spawn(use).ready()
        message = failed.value.status["message"]
        assert message.startswith("jumpboot.msgpack needs msgpack, which is not in the environment")
        assert "-m pip install msgpack" in message and "python3-msgpack" in message


def test_whoever_waits_for_a_message_gets_what_a_call_has_read(start):
    """The thread that calls reads, while the main thread waits for the next message."""
    worker = start('''
        import threading, time
        import jumpboot
        queue = jumpboot.JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
        def ask():
            try:
                jumpboot.call("other.f")
            except jumpboot.CallError:
                pass
        queue.get()
        queue.put({"command": "other.own", "data": 0, "request_id": "py-own"})
        threading.Thread(target=ask, daemon=True).start()
        while not jumpboot.own_loop.own_loop.reader._lock.locked():
            time.sleep(0.001)
        queue.put("early")
        queue.put([queue.get(), queue.get()["command"]])
    ''')
    line, serial = worker.request("first")
    worker.send(line)
    assert [worker.answer()["command"], worker.answer()["command"]] == ["other.own", "other.f"]
    assert worker.answer() == {"request_id": serial, "result": "early"}
    line, serial = worker.request("second")
    worker.send(b'{"request_id":"py-own","result":1}\n' + line)
    assert worker.answer() == {
        "request_id": serial, "result": [{"request_id": "py-own", "result": 1}, "second"]}
