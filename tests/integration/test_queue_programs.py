# SPDX-License-Identifier: MIT
"""Programs as they are written for the Go library Jumpboot, run by the real daemon."""
import textwrap

import pytest
from ctl import ctl
from harness import is_gone, wait_until

# A service as a class, with state, asynchronous methods and documentation.
SERVICE = '''
    import asyncio
    import time
    from jumpboot import JSONQueueServer, exposed


    class TextService(JSONQueueServer):
        """Keeps notes and looks them up."""

        def __init__(self):
            super().__init__()
            self.notes = {}
            self.started = time.time()

        @exposed
        def remember(self, key: str, text: str) -> int:
            """Keeps a note. Returns how many there are."""
            self.notes[key] = text
            return len(self.notes)

        @exposed
        def recall(self, key: str, default: str = "") -> str:
            return self.notes.get(key, default)

        @exposed
        async def slow_echo(self, value, delay: float = 0.0):
            await asyncio.sleep(delay)
            return value

        def total(self, values: list) -> float:
            return sum(values)

        def spin(self):
            while True:
                time.sleep(1)

        def crash(self):
            import os
            print("going down", flush=True)
            os._exit(9)


    if __name__ == "__main__":
        service = TextService()
        while service.running:
            time.sleep(0.05)
'''

# Commands without a class: functions, handlers of the raw data, and one for all the rest.
HANDLERS = '''
    import threading
    import jumpboot
    from jumpboot import JSONQueueServer

    def multiply(a, b):
        return a * b

    def describe(data, request_id):
        return {"kind": type(data).__name__, "size": len(data)}

    def anything(command, data, request_id):
        if command.startswith("get_"):
            return {"name": command[4:], "options": data}
        raise KeyError("no command named %s" % command)

    server = JSONQueueServer(jumpboot.Pipe_in, jumpboot.Pipe_out, auto_start=False)
    server.register_method("multiply", multiply)
    server.register_handler("describe", describe)
    server.set_default_handler(anything)
    server.start()
    while server.running:
        threading.Event().wait(0.05)
'''

# A loop over a queue, which dispatches by itself, looks around between messages, and tells errors
# in its own words.
LOOP = '''
    import traceback
    import jumpboot
    from jumpboot import JSONQueue

    queue = JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
    counter = 0

    def handle(command, data):
        if command == "sum":
            return sum(data["values"])
        if command == "count":
            return counter
        raise ValueError("unknown command: " + command)

    running = True
    while running:
        try:
            message = queue.get(block=True, timeout=0.05)
        except TimeoutError:
            counter += 1
            continue
        except EOFError:
            break
        if message.get("command") == "quit":
            running = False
            queue.put({"result": "bye", "request_id": message["request_id"]})
            continue
        try:
            queue.put({"result": handle(message["command"], message.get("data"))})
        except Exception as error:
            queue.put({"error": str(error), "traceback": traceback.format_exc(),
                       "request_id": message.get("request_id")})
'''

# No queue at all: lines of JSON.
LINES = '''
    import json
    import jumpboot

    for line in jumpboot.Pipe_in:
        request = json.loads(line)
        answer = {"result": list(reversed(request["data"]))}
        print(json.dumps(answer), file=jumpboot.Pipe_out, flush=True)
'''

# What later programs write.
PACKED = '''
    import jumpboot, time
    from jumpboot import MessagePackQueueServer

    class Blobs(MessagePackQueueServer):
        def blob(self, size): return bytes(range(size))

    server = Blobs()
    while server.running: time.sleep(0.05)
'''

PROGRAMS = {"service": SERVICE, "handlers": HANDLERS, "loop": LOOP, "lines": LINES,
            "packed": PACKED}


@pytest.fixture(scope="module", params=["spawn", "forkserver"])
def daemon(start_module_daemon, request):
    return start_module_daemon({
        name: {"main": {"source": textwrap.dedent(source)}, "max_workers": 1,
               "start_method": request.param, "terminate_timeout": "500ms"}
        for name, source in PROGRAMS.items()})


def test_a_service_as_a_class(daemon):
    client = daemon.connect()
    assert client.call("service.remember", {"key": "a", "text": "one"}) == 1
    assert client.call("service.recall", ["a"]) == "one"
    assert client.call("service.recall", {"key": "b", "default": "none", "more": 1}) == "none"
    assert client.call("service.slow_echo", {"value": [1], "delay": 0.001}) == [1]
    assert client.call("service.total", [1, 2, 3.5]) == 6.5
    error = client.error("service.recall", {"default": "x"})
    assert (error["code"], error["data"]["signature"]) == (
        -32602, "recall(key: str, default: str = '')")
    assert client.error("service.recal")["code"] == -32601


def test_a_service_is_discovered(daemon):
    document = daemon.connect().call("rpc.discover")
    methods = {method["name"]: method for method in document["methods"]}
    assert methods["service.remember"]["summary"].startswith("Keeps a note.")
    assert methods["service.recall"]["x-signature"] == "recall(key: str, default: str = '') -> str"
    assert methods["service.slow_echo"]["x-async"] is True
    assert "service.notes" not in methods and "service.start" not in methods
    assert set(document["x-any-command"]) == {"handlers", "loop", "lines"}
    assert ctl("methods", "loop", socket=daemon.socket_path)[1].startswith("loop.*\n")
    shown = ctl("methods", socket=daemon.socket_path)[1]
    assert "service.total(values: list) -> float\n" in shown and "lines.*\n" in shown


def test_handlers(daemon):
    client = daemon.connect()
    assert client.call("handlers.multiply", [6, 7]) == 42
    assert client.call("handlers.describe", {"a": 1}) == {"kind": "dict", "size": 1}
    assert client.call("handlers.get_color", {"x": 1}) == {"name": "color", "options": {"x": 1}}
    assert client.error("handlers.other")["data"]["exception"] == "KeyError"


def test_a_loop(daemon):
    client = daemon.connect()
    assert client.call("loop.sum", {"values": [1, 2, 3]}) == 6
    error = client.error("loop.nothing")
    assert (error["code"], error["message"]) == (-32000, "unknown command: nothing")
    assert "ValueError" in error["data"]["traceback"]
    wait_until(lambda: client.call("loop.count") > 1, "the loop to look around")


def test_a_loop_that_leaves_is_replaced(daemon):
    client = daemon.connect()
    assert client.call("loop.quit") == "bye"
    assert client.call("loop.sum", {"values": [1]}) == 1


def test_lines(daemon):
    client = daemon.connect()
    for number in range(50):
        client.request("lines.reverse", [number, 2], id=number)
    for number in range(50):
        assert client.receive() == {"jsonrpc": "2.0", "id": number, "result": [2, number]}


def test_an_answer_without_a_newline_is_told(start_daemon):
    """The story: it was told as a timeout, and nothing else."""
    daemon = start_daemon({"app": {"main": {"source": textwrap.dedent("""
        import json, jumpboot
        for line in jumpboot.Pipe_in:
            request = json.loads(line)
            jumpboot.Pipe_out.write(json.dumps({"request_id": request["request_id"], "result": 1}))
            jumpboot.Pipe_out.flush()
            if request["command"] == "leave":
                break
    """)}, "terminate_timeout": "200ms"}})
    with daemon.connect() as client:
        client.request("app.stay", {}, timeout=0.5, id=1)
        error = client.receive()["error"]
        assert error["data"]["kind"] == "timeout" and "newline" in error["data"]["detail"]
        assert error["data"]["unfinished"].endswith('"result": 1}')
        _, _, shown = ctl("call", "app.leave", socket=daemon.socket_path)
    assert "worker_died" in shown and 'without a newline:\n{"request_id"' in shown


def test_bytes_are_base64(daemon):
    assert daemon.call("packed.blob", {"size": 3}) == "AAEC"


def test_the_time_for_a_method_is_over(daemon):
    """Such a worker cannot be interrupted: it is ended."""
    client = daemon.connect()
    client.call("service.remember", {"key": "a", "text": "kept"})
    error = client.error("service.spin", timeout=0.2)
    assert (error["code"], error["data"]["started"]) == (-32002, "unknown")
    assert client.call("service.recall", {"key": "a"}) == "", "another worker"


def test_a_method_that_crashes(daemon):
    error = daemon.error("service.crash")
    assert (error["code"], error["data"]["exit_status"]) == (-32003, 9)
    assert daemon.wait_log("going down")
    assert daemon.call("service.total", [1]) == 1


@pytest.mark.parametrize("program", ["service", "loop"])
def test_they_are_recycled(start_daemon, program):
    source = textwrap.dedent(PROGRAMS[program])
    if program == "service":
        source = source.replace("    def spin", "    def pid(self):\n        import os\n"
                                "        return os.getpid()\n\n    def spin")
    else:
        source = source.replace('    if command == "count":',
                                '    if command == "pid":\n        import os\n'
                                '        return os.getpid()\n    if command == "count":')
    daemon = start_daemon({"app": {"main": {"source": source}, "max_requests": 3,
                                   "max_workers": 1}})
    client = daemon.connect()
    first = client.call("app.pid")
    wait_until(lambda: client.call("app.pid") != first, "the worker to be replaced")
    wait_until(lambda: is_gone(first), "the old worker to leave")
    assert not daemon.log_lines("Traceback")


def test_a_main_module_that_never_listens(start_daemon):
    """It is told as such, with what it has printed."""
    daemon = start_daemon({"app": {
        "main": {"source": "import sys, time\nprint('on stdout')\n"
                           "print('waiting for a friend', file=sys.stderr)\n"
                           "while True: time.sleep(1)\n"},
        "startup_timeout": "1s", "restart_threshold": 1}}, ready=False)
    error = wait_until(lambda: next((error for error in [daemon.error("app.f")]
                                     if error["code"] == -32005), None), "the start to fail")
    told = error["data"]["error"]
    assert "it was not ready within startup_timeout" in told["message"]
    assert "waiting for a friend" in told["stderr"]
    assert "on stdout" in told["stdout"]
    assert "listen for requests" in told["message"]
    _, _, shown = ctl("call", "app.f", socket=daemon.socket_path)
    assert "waiting for a friend" in shown and "on stdout" in shown


CALLERS = {
    "service": """
        import time, jumpboot
        class Server(jumpboot.JSONQueueServer):
            def double(self, x): return self.request("plain.double", {"x": x})
            async def adouble(self, x): return await self.async_request("plain.double", [x], 5)
            def doubles(self, x): return jumpboot.call("plain.double", x)
            def fails(self): return self.request("plain.fail", {})
            def again(self): return self.request("service.double", {"x": 1})
            def late(self): return self.request("plain.wait", {}, timeout=0.2)
        server = Server()
        try:
            server.request("plain.double", {"x": 1})
        except jumpboot.CallRefused as error:
            print("refused: %s" % error.data["reason"])
        while server.running: time.sleep(0.05)
    """,
    "loop": """
        import jumpboot
        queue = jumpboot.JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
        while True:
            message = queue.get()
            try:
                if message["command"] == "by_hand":
                    queue.put({"request_id": "py-mine", "command": "plain.double", "data": [4]})
                    queue.put(queue.get()["result"])
                else:
                    queue.put(jumpboot.call("plain." + message["command"], **message["data"]))
            except jumpboot.CallError as error:
                queue.put({"error": "%s: %s" % (type(error).__name__, error)})
    """,
    "plain": """
        import time, jumpboot
        def double(x): return 2 * x
        def fail(): raise ValueError("so it is")
        def wait(): time.sleep(60)
        def through(x): return jumpboot.call("service.double", x=x)
    """,
}


@pytest.fixture
def calling(start_daemon):
    return start_daemon({name: {"main": {"source": textwrap.dedent(source)}, "max_workers": 1,
                                "interrupt_timeout": "100ms", "terminate_timeout": "500ms"}
                         for name, source in CALLERS.items()})


def test_calls_of_other_programs(calling):
    client = calling.connect()
    assert calling.wait_log("refused: outside")
    for function in ("double", "adouble", "doubles"):
        assert client.call("service." + function, {"x": 21}) == 42
    error = client.error("service.fails")
    assert error["data"]["exception"] == "jumpboot.RemoteError"
    assert "so it is" in error["data"]["traceback"]
    assert client.call("loop.double", {"x": 3}) == 6
    assert client.call("loop.by_hand") == 8
    assert client.error("loop.fail")["message"].startswith("RemoteError: ValueError: so it is")
    assert client.error("loop.none")["message"].startswith("MethodNotFound: ")
    assert client.error("service.late")["data"]["exception"] == "jumpboot.CallTimeout"


def test_arguments_of_calls_are_positional(start_daemon):
    """The story: jumpboot.call("srv.one", 3) gave the method [3], for an array that a client sends is
    the argument of a method that takes one."""
    daemon = start_daemon({
        "srv": {"main": {"source": textwrap.dedent("""
            import time, jumpboot
            class Server(jumpboot.JSONQueueServer):
                def one(self, value): return value
                def two(self, a, b=None): return [a, b]
                def ask(self, command, data): return self.request("other." + command, data)
            server = Server()
            while server.running: time.sleep(0.05)
        """)}, "max_workers": 2},
        "other": {"main": {"source": textwrap.dedent("""
            import time, jumpboot
            class Server(jumpboot.JSONQueueServer):
                def one(self, value): return value
            server = Server()
            while server.running: time.sleep(0.05)
        """)}},
        "plain": """
            import jumpboot
            def call(name, args): return jumpboot.call(name, *args)
            async def acall(name, args): return await jumpboot.acall(name, *args)
        """})
    client = daemon.connect()
    for function in ("plain.call", "plain.acall"):
        for value in (3, [3], [1, 2], [], {"a": 1}, None, "x" * 10000):
            assert client.call(function, ["srv.one", [value]]) == value
        assert client.call(function, ["srv.two", [1, 2]]) == [1, 2]
        assert client.call(function, ["srv.two", [[1, 2]]]) == [[1, 2], None]
        error = client.error(function, ["srv.one", [1, 2]])
        assert "too many positional arguments" in error["message"]
    assert client.call("srv.ask", ["one", [3]]) == 3
    assert client.call("srv.ask", {"command": "one", "data": 3}) == 3
    assert client.call("srv.ask", {"command": "one", "data": {"value": 3}}) == 3
    assert client.call("srv.one", [3]) == [3]


def test_calls_that_would_wait_for_themselves(calling):
    client = calling.connect()
    for method in ("service.again", "plain.through"):
        error = client.error(method, {"x": 1} if method == "plain.through" else {})
        assert "CallRefused" in error["data"]["exception"] + error["data"]["traceback"]
    assert client.call("service.double", {"x": 1}) == 2
