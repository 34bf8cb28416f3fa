# SPDX-License-Identifier: MIT
"""Main modules that are a JSONQueueServer."""
import json

import pytest
from template_host import TemplateHost
from worker_fixtures import python, spawn, start  # noqa: F401
from worker_host import StartFailed

SERVER = '''
    import time
    from jumpboot import JSONQueueServer, exposed

    class Calculator(JSONQueueServer):
        """A service."""

        def __init__(self):
            super().__init__()
            self.factor = 10

        def add(self, x: float, y: float = 2) -> float:
            """Adds."""
            return x + y

        async def scale(self, x):
            return x * self.factor

        @exposed
        def _hidden(self, *values):
            return list(values)

        def fail(self, text):
            raise ValueError(text)

        @staticmethod
        def plain(x): return x

        def _private(self): return None

    if __name__ == "__main__":
        server = Calculator()
        while server.running:
            time.sleep(0.01)
'''


def test_a_server_makes_its_methods_commands(start):
    worker = start(SERVER)
    assert set(worker.methods) == {"add", "scale", "_hidden", "fail", "plain"}
    assert worker.methods["add"]["doc"] == "Adds."
    assert worker.methods["scale"]["async"]
    assert worker.result("add", {"x": 1, "y": 2, "z": 3}) == 3
    assert worker.result("add", [1]) == 3
    assert worker.result("scale", {"x": 3}) == 30
    assert worker.result("plain", [1]) == [1]
    assert worker.result("_hidden", [1, 2]) == [1, 2]
    assert worker.error("fail", {"text": "so"})["exception"] == "ValueError"
    error = worker.error("add", {"y": 1})
    assert error["kind"] == "invalid_params"
    assert error["error"].startswith("add(x: float, y: float = 2): missing a required argument: 'x'")
    assert worker.error("ad")["near"] == ["add"]
    assert worker.result("__get_methods__")["add"] == {
        "name": "add", "doc": "Adds.", "return_type": "float",
        "parameters": [{"name": "x", "required": True, "type": "float"},
                       {"name": "y", "required": False, "type": "float"}]}
    assert worker.close() == 0
    assert worker.err.whole() == b""


def test_what_arguments_become(start):
    worker = start('''
        import time
        from jumpboot import JSONQueueServer
        class Server(JSONQueueServer):
            def none(self): return "none"
            def one(self, value): return ["one", value]
            def some(self, value=7): return ["some", value]
            def two(self, a, b=None): return ["two", a, b]
            def many(self, *values): return ["many", *values]
            def keys(self, a, *, k=1, **rest): return ["keys", a, k, rest]
            def only(self, a, b=2, /): return ["only", a, b]
        server = Server()
        while server.running: time.sleep(0.01)
    ''')
    for command, data, result in (
            ("none", {}, "none"), ("none", {"x": 1}, "none"), ("none", [], "none"),
            ("none", b"null", "none"), ("one", {"value": 1}, ["one", 1]), ("one", [1], ["one", [1]]),
            ("one", [1, 2], ["one", [1, 2]]), ("one", [], ["one", []]), ("one", b"3", ["one", 3]),
            ("one", b"null", ["one", None]), ("some", b"null", ["some", 7]),
            ("some", b'"x"', ["some", "x"]), ("some", {}, ["some", 7]),
            ("two", [1, 2], ["two", 1, 2]), ("two", [1], ["two", 1, None]),
            ("two", b"5", ["two", 5, None]), ("two", {"b": 1, "a": 2, "c": 3}, ["two", 2, 1]),
            ("many", [1, 2], ["many", 1, 2]), ("many", [], ["many"]), ("many", {"a": 1}, ["many"]),
            ("keys", {"a": 1, "b": 2, "k": 3}, ["keys", 1, 3, {"b": 2}]),
            ("only", {"a": 1}, ["only", 1, 2]), ("only", {"a": 1, "b": 3}, ["only", 1, 3])):
        assert worker.result(command, data) == result, (command, data)
    for command, data, message in (
            ("none", [1], "none(): too many positional arguments"),
            ("one", {"x": 1}, "one(value): missing a required argument: 'value'"),
            ("two", [1, 2, 3], "two(a, b=None): too many positional arguments"),
            ("two", {}, "two(a, b=None): missing a required argument: 'a'"),
            ("only", {"b": 1}, "only(a, b=2, /): missing a required argument: 'a'")):
        error = worker.error(command, data)
        assert error["kind"] == "invalid_params", error
        assert error["error"].startswith(message), error


def test_methods_whose_names_classes_have_too(start):
    """register() is one of what makes the class, and not of the class."""
    worker = start('''
        import time
        import jumpboot
        class Server(jumpboot.JSONQueueServer):
            def register(self, name): return name
            def mro(self): return "mine"
            def stop(self): super().stop()
        server = Server()
        while server.running: time.sleep(0.01)
    ''')
    assert set(worker.methods) == {"register", "mro"}
    assert worker.result("register", {"name": "x"}) == "x"
    assert worker.result("mro") == "mine"


def test_what_is_registered(start):
    """Before the program looks whether the server runs, or for a quarter of a second."""
    worker = start('''
        import time
        from jumpboot import JSONQueueServer
        server = JSONQueueServer()
        def add(x, y): return x + y
        async def wait(x): return x
        def handler(data, request_id):
            """Handles."""
            return [data, request_id]
        def by_itself(data, request_id):
            server.send_response({"sent": data}, request_id)
            return "ignored"
        def failing(data, request_id):
            server.send_response(ValueError("sent"))
        def as_it_is(data, request_id):
            server.send_response({"error": "as it is"})
            try:
                server.send_response(1)
            except RuntimeError as error:
                print(error, flush=True)
        server.register_method("add", add)
        server.register_method("wait", wait)
        server.register_handler("with-handler", handler)
        server.register_handler("sent", by_itself)
        server.register_handler("failing", failing)
        server.register_handler("as_it_is", as_it_is)
        while server.running: time.sleep(0.01)
    ''')
    assert set(worker.methods) == {"add", "wait", "with-handler", "sent", "failing", "as_it_is"}
    assert not worker.accepts_any
    assert worker.methods["with-handler"]["doc"] == "Handles."
    assert [parameter["kind"] for parameter in worker.methods["sent"]["parameters"]] == [
        "var_positional", "var_keyword"]
    assert worker.result("add", [1, 2]) == 3
    assert worker.result("wait", [[1]]) == [[1]]
    data, serial = worker.result("with-handler", {"a": 1})
    assert data == {"a": 1} and serial.isdigit()
    assert worker.result("sent", [1]) == {"sent": [1]}
    assert worker.error("failing")["exception"] == "ValueError"
    assert worker.call("as_it_is")["error"] == "as it is"
    assert b"there is no request to answer" in worker.out.wait_for(b"\n")
    assert worker.error("unknown")["kind"] == "method_not_found"


def test_what_is_registered_later_is_told(start):
    worker = start('''
        import time
        from jumpboot import JSONQueueServer
        class Server(JSONQueueServer):
            def grow(self):
                self.register_method("late", lambda: "late")
                self.set_default_handler(lambda command, data, request_id: [command, data])
        server = Server()
        while server.running: time.sleep(0.01)
    ''')
    assert set(worker.methods) == {"grow"}
    worker.result("grow")
    first, second = worker.status(), worker.status()
    assert (set(first["methods"]), first["any_command"]) == ({"grow", "late"}, False)
    assert second["any_command"] is True
    assert worker.result("late") == "late"
    assert worker.result("whatever", [1]) == ["whatever", [1]]


def test_a_program_that_waits_in_another_way(start):
    """It has a moment to register what it has to."""
    worker = start('''
        import threading
        from jumpboot import JSONQueueServer
        server = JSONQueueServer()
        server.set_default_handler(lambda command, data, request_id: command)
        threading.Event().wait()
    ''')
    assert worker.accepts_any
    assert worker.result("anything") == "anything"
    worker.signal("KILL")


def test_a_main_module_that_does_not_wait(start):
    worker = start('''
        from jumpboot import JSONQueueServer
        class Server(JSONQueueServer):
            def f(self): return 1
        Server()
    ''')
    assert worker.result("f") == 1
    assert worker.close() == 0


@pytest.mark.parametrize("begin", ["auto_start=False", "auto_start=False, expose_methods=False"])
def test_started_by_hand(start, begin):
    worker = start('''
        import time
        from jumpboot import JSONQueueServer, exposed
        class Server(JSONQueueServer):
            @exposed
            def shown(self): return "shown"
            def public(self): return "public"
        server = Server(%s)
        assert not server.running
        time.sleep(0.3)
        server.start()
        server.start()
        while server.running: time.sleep(0.01)
        try:
            server.start()
        except RuntimeError as error:
            print(error)
    ''' % begin)
    shown = {"shown"} if "expose" in begin else {"shown", "public"}
    assert set(worker.methods) == shown
    assert worker.result("shown") == "shown"
    assert worker.close() == 0
    assert b"has been stopped, and cannot start again" in worker.out.whole()


@pytest.mark.parametrize("command", ["exit", "shutdown"])
def test_commands_that_end_it(start, command):
    worker = start(SERVER)
    assert worker.result(command) is None
    assert worker.wait() == 0
    assert worker.err.whole() == b""


def test_a_program_ends_its_server_itself(start):
    worker = start('''
        import time
        from jumpboot import JSONQueueServer
        class Server(JSONQueueServer):
            def leave(self):
                self.running = False
                return "bye"
            def exit(self):
                return "a method of the program's own"
        server = Server()
        while server.running: time.sleep(0.01)
        print("after")
    ''')
    assert worker.result("exit") == "a method of the program's own"
    assert worker.result("leave") == "bye"
    assert worker.wait() == 0
    assert worker.out.whole().endswith(b"after\n")


def test_all_runs_in_one_thread(start):
    """What is opened at the start can be used by the methods, and is closed by the same thread."""
    worker = start('''
        import sqlite3, time, jumpboot
        @jumpboot.on_start
        def connect():
            global connection
            connection = sqlite3.connect(":memory:")
        @jumpboot.on_exit
        def disconnect():
            connection.close()
            print("closed")
        class Server(jumpboot.JSONQueueServer):
            def one(self): return connection.execute("SELECT 1").fetchone()
            async def two(self): return connection.execute("SELECT 2").fetchone()
        server = Server()
        while server.running: time.sleep(0.01)
    ''')
    assert worker.result("one") == [1]
    assert worker.result("two") == [2]
    assert worker.close() == 0
    assert worker.out.whole() == b"closed\n"


def test_tasks_go_on_between_requests(start):
    worker = start('''
        import asyncio, time, jumpboot
        class Server(jumpboot.JSONQueueServer):
            async def begin(self):
                async def work():
                    await asyncio.sleep(0.05)
                    print("worked", flush=True)
                self.task = asyncio.create_task(work())
            async def is_done(self): return self.task.done()
        server = Server()
        while server.running: time.sleep(0.01)
    ''')
    worker.result("begin")
    worker.out.wait_for(b"worked\n")
    assert worker.result("is_done") is True
    assert worker.close() == 0


def test_output_belongs_to_the_request(start):
    worker = start('''
        import time, jumpboot
        class Server(jumpboot.JSONQueueServer):
            def say(self, text): print(text, end="")
        server = Server()
        print("outside", flush=True)
        while server.running: time.sleep(0.01)
    ''')
    line, serial = worker.request("say", {"text": "half a line"})
    worker.send(line)
    assert worker.answer()["result"] is None
    assert worker.out.wait_for(b"half a line\n") == (
        b"outside\n\x1e%s\x1ehalf a line\n" % serial.encode())


def test_exceptions_of_all_kinds(start):
    worker = start('''
        import sys, time, jumpboot
        class Server(jumpboot.JSONQueueServer):
            def leave(self): sys.exit(3)
            def press(self): raise KeyboardInterrupt
            async def wait(self): raise OSError(5, "five")
            def odd(self): return float("inf")
            def large(self): return "x" * 5000
            def pair(self, a, b): return (lambda: 1)(2)
        server = Server()
        while server.running: time.sleep(0.01)
    ''', max_response_size=3000)
    assert worker.error("leave")["exception"] == "SystemExit"
    assert worker.error("press")["exception"] == "KeyboardInterrupt"
    assert worker.error("wait")["args"] == [5, "five"]
    assert "infinity" in worker.error("odd")["message"]
    assert worker.error("large")["kind"] == "too_large"
    error = worker.error("pair", [1, 2])
    assert (error["kind"], error["exception"]) == ("exception", "TypeError")
    frames = [line for line in error["traceback"].splitlines() if line.startswith("  File")]
    assert len(frames) == 1, error["traceback"]


def test_classes_that_mix_in_others(start):
    worker = start('''
        import abc, threading, time
        from typing import Generic, TypeVar
        from jumpboot import MessagePackQueueServer
        T = TypeVar("T")
        class Abstract(abc.ABC):
            @abc.abstractmethod
            def name(self): "Its name."
        class Mixin:
            def mixed(self): return b"bytes"
        class Server(MessagePackQueueServer, Mixin, Abstract, Generic[T]):
            value = property(lambda self: 1 / 0)
            class Inner: pass
            def __init__(self):
                super().__init__()
                self._lock = self._thread = self._loop = self._handlers = "mine"
            def name(self): return self._lock
        server = Server()
        while server.running: time.sleep(0.01)
    ''')
    assert set(worker.methods) == {"mixed", "name"}
    assert worker.result("name") == "mine"
    assert worker.result("mixed") == "Ynl0ZXM="


@pytest.mark.parametrize("main, message", [
    ("class S(JSONQueueServer):\n    def __init__(self): pass\nS()",
     "S.__init__() does not call super().__init__()"),
    ("JSONQueueServer(); JSONQueueServer()", "another JSONQueueServer reads the requests"),
    ("JSONQueueServer().register_method('f', 1)", "register_method: 1 is not a function"),
    ("JSONQueueServer().register_handler('', len)", "register_handler: '' is no name of a command"),
    ("JSONQueueServer().set_default_handler(3)", "set_default_handler: 3 is not a function"),
    ("jumpboot.exposed('name')", "'name' is not a function"),
])
def test_mistakes(spawn, main, message):
    worker = spawn("import jumpboot\nfrom jumpboot import JSONQueueServer\n" + main)
    with pytest.raises(StartFailed) as failed:
        worker.ready()
    assert message in failed.value.status["message"]


def test_over_other_pipes(start):
    worker = start('''
        import os, jumpboot
        def talk():
            there, back = os.pipe(), os.pipe()
            class Server(jumpboot.JSONQueueServer):
                def add(self, a, b): return a + b
            server = Server(there[0], back[1])
            queue = jumpboot.JSONQueue(back[0], there[1])
            answers = []
            for message in ({"command": "add", "data": [1, 2], "request_id": 7},
                            {"command": "add", "data": {"a": 1}, "request_id": "x"},
                            {"command": "none"}, "no command", {"command": 3},
                            {"command": "exit", "request_id": 8}):
                queue.put(message)
            for _ in range(4):
                answers.append(queue.get())
            return answers
    ''')
    answers = worker.result("talk")
    assert answers[0] == {"request_id": 7, "result": 3}
    assert (answers[1]["request_id"], answers[1]["kind"]) == ("x", "invalid_params")
    assert (answers[2]["request_id"], answers[2]["kind"]) == (None, "method_not_found")
    assert answers[3] == {"request_id": 8, "result": None}


def test_lines_over_other_pipes_that_cannot_be_read(start):
    """The story: the reading thread of a server died of the first one."""
    worker = start('''
        import os, jumpboot
        def talk():
            there, back = os.pipe(), os.pipe()
            class Server(jumpboot.JSONQueueServer):
                def add(self, a, b): return a + b
            server = Server(there[0], back[1])
            queue = jumpboot.JSONQueue(back[0], there[1])
            answers = []
            for line in (b"no JSON", b"\\xff", b"[" * 100000, b'{"command":', b""):
                os.write(there[1], line + b"\\n")
                answers.append(queue.get())
            queue.put({"command": "add", "data": [1, 2], "request_id": 7})
            answers.append(queue.get())
            server.stop()
            return answers
    ''')
    *refusals, answer = worker.result("talk")
    assert answer == {"request_id": 7, "result": 3}
    for refusal in refusals:
        assert (refusal["request_id"], refusal["kind"]) == (None, "parse_error")
        assert refusal["error"].startswith("a line that cannot be read: ")


@pytest.mark.parametrize("main", [SERVER, """
import jumpboot
queue = jumpboot.JSONQueue(jumpboot.Pipe_in, jumpboot.Pipe_out)
@jumpboot.on_start
def begin(): print("begun", flush=True)
while True:
    try:
        message = queue.get()
    except EOFError:
        break
    queue.put(message["data"]["x"] + message["data"]["y"])
"""], ids=["server", "loop"])
def test_forked_from_a_template(python, main):
    """The template stands where the main module begins to listen; each worker goes on from there."""
    import textwrap
    with TemplateHost(textwrap.dedent(main), python=python) as template:
        assert template.template()["unfit"] is None
        for _ in range(2):
            worker = template.fork()
            assert worker.result("add", {"x": 1, "y": 2}) == 3
            assert worker.close() == 0
        assert template.close() == 0


def next_call(worker, **members):
    """The next call that the worker makes."""
    call = worker.answer()
    assert call["request_id"].startswith("py-"), call
    assert {name: call.get(name) for name in members} == members
    return call


def answer_call(worker, call, **outcome):
    worker.send(json.dumps({"request_id": call["request_id"], **outcome}).encode() + b"\n")


CALLS = '''
    import time, jumpboot
    class Server(jumpboot.JSONQueueServer):
        def sync(self, data): return self.request("other.f", data)
        async def waits(self, data): return await self.async_request("other.f", data, timeout=5)
        def nothing(self): return self.request("other.f")
        def called(self, a): return jumpboot.call("other.g", a)
        async def acalled(self, a): return await jumpboot.acall("other.g", x=a)
        def keep(self):
            import threading
            self.outcome = []
            def late():
                try:
                    self.request("other.late")
                except jumpboot.CallError as error:
                    self.outcome.append(error.kind)
            self.thread = threading.Thread(target=late)
            self.thread.start()
            time.sleep(0)
        def kept(self):
            self.thread.join()
            return self.outcome
    server = Server()
    while server.running: time.sleep(0.01)
'''


def test_calls_of_other_programs(start):
    worker = start(CALLS)
    for command, data, called in (
            ("sync", {"data": {"a": 1}}, {"command": "other.f", "data": {"a": 1}}),
            ("sync", [[1, 2]], {"command": "other.f", "data": [[1, 2]]}),
            ("waits", {"data": 7}, {"command": "other.f", "data": 7}),
            ("nothing", {}, {"command": "other.f", "data": {}}),
            ("called", {"a": 3}, {"command": "other.g", "data": [3]}),
            ("acalled", {"a": 3}, {"command": "other.g", "data": {"x": 3}})):
        line, serial = worker.request(command, data)
        worker.send(line)
        call = next_call(worker, **called, **{"for": serial})
        assert (call.get("timeout", 0) > 4) == (command == "waits")
        answer_call(worker, call, result={"deep": [1]})
        assert worker.answer() == {"request_id": serial, "result": {"deep": [1]}}
    assert worker.close() == 0


def test_errors_of_calls(start):
    worker = start(CALLS)
    for kind, code, name in (("exception", -32000, "jumpboot.RemoteError"),
                             ("timeout", -32002, "jumpboot.CallTimeout"),
                             ("call_refused", -32009, "jumpboot.CallRefused")):
        for command in ("sync", "waits"):
            line, _ = worker.request(command, {"data": 1})
            worker.send(line)
            answer_call(worker, next_call(worker), error={
                "code": code, "message": "so it is",
                "data": {"kind": kind, "traceback": "the remote one"}})
            answer = worker.answer()
            assert answer["data"]["exception"] == name
            assert "the remote one" in answer["data"]["traceback"]


def test_a_call_ends_with_its_request(start):
    worker = start(CALLS)
    line, serial = worker.request("keep")
    worker.send(line)
    messages = [worker.answer(), worker.answer()]
    messages.sort(key=lambda message: message["request_id"])
    if "py-" not in messages[1]["request_id"]:
        messages.reverse()
    answer, call = messages
    assert answer == {"request_id": serial, "result": None}
    assert call["command"] == "other.late"
    assert worker.result("kept") == ["cancelled"]
    answer_call(worker, call, result="too late")
    assert worker.result("kept") == ["cancelled"]


def test_a_thread_that_is_left_behind_has_no_calls(start):
    """The story: it called as part of whatever request was just running."""
    worker = start('''
        import time, threading, jumpboot
        class Server(jumpboot.JSONQueueServer):
            def leave(self):
                self.goes_on, self.outcome = threading.Event(), []
                def late():
                    self.goes_on.wait()
                    try:
                        self.outcome.append(jumpboot.call("other.late"))
                    except jumpboot.CallRefused as error:
                        self.outcome.append(error.data["reason"])
                self.thread = threading.Thread(target=late)
                self.thread.start()
            def meet(self):
                self.goes_on.set()
                self.thread.join()
                return self.outcome
            def within(self):
                came = []
                thread = threading.Thread(target=lambda: came.append(jumpboot.call("other.f", 1)))
                thread.start()
                thread.join()
                return came
        server = Server()
        while server.running: time.sleep(0.01)
    ''')
    worker.result("leave")
    assert worker.result("meet") == ["outside"]
    line, serial = worker.request("within")
    worker.send(line)
    answer_call(worker, next_call(worker, command="other.f", **{"for": serial}), result=2)
    assert worker.answer() == {"request_id": serial, "result": [2]}


def test_no_call_outside_of_a_request(spawn):
    worker = spawn('''
        import time, jumpboot
        server = jumpboot.JSONQueueServer()
        for call in (lambda: server.request("other.f"), lambda: jumpboot.call("other.f")):
            try:
                call()
            except jumpboot.CallRefused as error:
                print(error.data["reason"], flush=True)
        while server.running: time.sleep(0.01)
    ''')
    worker.ready()
    assert worker.out.wait_for(b"outside\noutside\n")


def test_calls_over_other_pipes(start):
    worker = start('''
        import os, threading, jumpboot
        def talk():
            there, back = os.pipe(), os.pipe()
            server = jumpboot.JSONQueueServer(there[0], back[1])
            queue = jumpboot.JSONQueue(back[0], there[1])
            def answer():
                call = queue.get()
                queue.put({"request_id": call["request_id"], "result": [call["command"], call["data"]]})
                queue.get()
            threading.Thread(target=answer, daemon=True).start()
            outcome = [server.request("f", {"a": 1})]
            try:
                server.request("g", timeout=0.01)
            except TimeoutError as error:
                outcome.append(str(error))
            server.stop()
            try:
                server.request("g")
            except jumpboot.CallUnavailable as error:
                outcome.append(str(error))
            return outcome
    ''')
    assert worker.result("talk") == [
        ["f", {"a": 1}], "nobody has answered in time", "there will be no answers any more"]


def test_children_of_a_command(start):
    """They answer nothing, whatever way they end, and cannot call."""
    worker = start('''
        import os, time, jumpboot
        class Server(jumpboot.JSONQueueServer):
            def fork(self, how):
                pid = os.fork()
                if pid == 0:
                    if how == "raise":
                        raise ValueError("of the child")
                    if how == "call":
                        try:
                            self.request("other.f")
                        except jumpboot.CallRefused as error:
                            os._exit(7)
                    return "of the child"
                return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        server = Server()
        @jumpboot.on_exit
        def leave(): print("left")
        while server.running: time.sleep(0.01)
    ''')
    assert worker.result("fork", {"how": "return"}) == 0
    assert worker.result("fork", {"how": "call"}) == 7
    assert worker.result("fork", {"how": "raise"}) in (0, 1)
    assert worker.close() == 0
    assert worker.out.whole() == b"left\n"
    assert b"ValueError: of the child" in worker.err.whole()


def test_answers_reach_a_command_at_once(start):
    """Two threads may read them; neither waits for what the other has read."""
    worker = start('''
        import time
        import jumpboot
        import jumpboot.queue_calls
        jumpboot.queue_calls._LOOK = 600  # seconds
        class Server(jumpboot.JSONQueueServer):
            def ask(self, count):
                return [self.request("other.f") for _ in range(count)]
        server = Server()
        while server.running: time.sleep(0.001)
    ''')
    count = 500
    line, serial = worker.request("ask", {"count": count})
    worker.send(line)
    for number in range(count):
        answer_call(worker, next_call(worker), result=number)
    assert worker.answer() == {"request_id": serial, "result": list(range(count))}
