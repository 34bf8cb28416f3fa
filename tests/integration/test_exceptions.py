# SPDX-License-Identifier: MIT
"""What Python raises, as the client sees it."""
import pytest
from harness import CallError

PROGRAM = """
import sys
from helper import deep

class Custom(Exception):
    pass

def divide(a, b):
    return a / b  # the line that fails

def through_module(value):
    return deep.fail(value)

def chained():
    try:
        {}["key"]
    except KeyError as error:
        raise Custom("while looking", 5) from error

def in_context():
    try:
        {}["key"]
    except KeyError:
        raise Custom("in the midst of it")

def leave(status=None):
    sys.exit(status)

def interrupt():
    raise KeyboardInterrupt

def recurse():
    return recurse()

def group():
    raise Custom("\\ud800 lone", b"bytes", object())

def large():
    raise Custom("x" * 1000000)

def signature(first, second: int = 2, *, third="c"):
    return [first, second, third]

def result_of_no_json():
    return object()

def not_a_number():
    return float("nan")

def infinite():
    return {"deep": [float("inf")]}

def circular():
    values = []
    values.append(values)
    return values

def huge_integer():
    return 10 ** 6000

def lone_surrogate():
    return "\\ud800"

def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value

async def asynchronous(value):
    if value is None:
        raise Custom("async")
    return value

def generator():
    yield 1

def ok():
    return "ok"
"""

FILES = {
    "helper/__init__.py": "",
    "helper/deep.py": '''
        def fail(value):
            raise ValueError("cannot use %r" % value)  # deep in a package
    ''',
}


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon(
        {"app": PROGRAM}, shared={"packages": {"helper": "helper"}}, files=FILES,
        server={"max_response_size": "64K"},
    )


@pytest.fixture(autouse=True)
def _the_worker_stays(daemon):
    """None of these may cost the worker its life."""
    pid = daemon.workers()
    yield
    assert daemon.call("app.ok") == "ok"
    assert daemon.workers() == pid


@pytest.fixture
def client(daemon):
    return daemon.connect()


@pytest.mark.valgrind
def test_an_exception_is_told_in_full(client):
    error = client.error("app.divide", [1, 0])
    assert error["code"] == -32000
    assert error["message"] == "ZeroDivisionError: division by zero"
    data = error["data"]
    traceback = data.pop("traceback")
    assert data == {
        "kind": "exception",
        "exception": "ZeroDivisionError",
        "message": "division by zero",
        "args": ["division by zero"],
        "cause": None,
    }
    assert traceback.startswith("Traceback (most recent call last):\n")
    assert traceback.rstrip().endswith("ZeroDivisionError: division by zero")


def test_a_traceback_shows_the_source_lines_of_embedded_code(daemon, client):
    traceback = client.error("app.divide", [1, 0])["data"]["traceback"]
    assert "return a / b  # the line that fails" in traceback
    assert "in divide" in traceback

    traceback = client.error("app.through_module", ["it"])["data"]["traceback"]
    assert "return deep.fail(value)" in traceback
    assert 'raise ValueError("cannot use %r" % value)  # deep in a package' in traceback
    assert f'File "{daemon.directory}/helper/deep.py", line 2, in fail' in traceback


def test_a_traceback_shows_only_the_program_s_frames(client):
    traceback = client.error("app.divide", [1, 0])["data"]["traceback"]
    assert traceback.count("File ") == 1, traceback


@pytest.mark.parametrize("function, message", [("chained", "while looking"),
                                               ("in_context", "in the midst of it")])
def test_the_cause_is_told(client, function, message):
    data = client.error(f"app.{function}")["data"]
    assert data["exception"].endswith("Custom")
    assert message in data["message"]
    assert data["cause"]["exception"] == "KeyError"
    assert data["cause"]["args"] == ["key"]
    assert data["cause"]["cause"] is None
    assert "Traceback" in data["cause"]["traceback"]


def test_arguments_of_an_exception_that_are_no_json(client):
    data = client.error("app.group")["data"]
    assert data["exception"].endswith("Custom")
    assert len(data["args"]) == 3


def test_an_exception_too_large_to_send(client):
    error = client.error("app.large")
    assert error["data"]["kind"] in ("exception", "too_large")
    assert len(str(error)) < 64 * 1024


@pytest.mark.parametrize("status", [None, 0, 3, "a reason"])
def test_sys_exit_is_an_exception(client, status):
    data = client.error("app.leave", [status])["data"]
    assert (data["kind"], data["exception"]) == ("exception", "SystemExit")


@pytest.mark.parametrize(
    "function, exception",
    [("interrupt", "KeyboardInterrupt"), ("recurse", "RecursionError")],
)
def test_exceptions_that_end_other_programs(client, function, exception):
    assert client.error(f"app.{function}")["data"]["exception"] == exception


@pytest.mark.parametrize(
    "function",
    ["result_of_no_json", "not_a_number", "infinite", "circular", "huge_integer",
     "lone_surrogate", "generator"],
)
def test_a_result_that_is_no_json(client, function):
    error = client.error(f"app.{function}")
    assert error["code"] == -32000
    assert error["data"]["message"]


def test_a_result_nested_too_deep(client):
    assert client.call("app.nested", [200]) is not None
    for depth in (1000, 100000):
        assert client.error("app.nested", [depth])["code"] == -32000


@pytest.mark.parametrize(
    "params",
    [
        [], {}, [1, 2, 3], [1, 2, 3, 4], {"first": 1, "fourth": 4}, {"second": 1},
        {"first": 1, "": 2},
    ],
)
def test_arguments_that_do_not_fit(client, params):
    error = client.error("app.signature", params)
    assert error["code"] == -32602
    assert "(first, second: int = 2, *, third='c')" in error["message"]


def test_a_type_error_inside_the_function_is_an_exception(client):
    data = client.error("app.divide", ["1", 2])["data"]
    assert (data["kind"], data["exception"]) == ("exception", "TypeError")


def test_async_functions(client):
    assert client.call("app.asynchronous", ["value"]) == "value"
    assert client.error("app.asynchronous", [None])["data"]["exception"].endswith("Custom")


@pytest.mark.parametrize(
    "params",
    ["[" + "9" * 5000 + "]", '["\\ud800"]', "[" + "[" * 253 + "]" * 253 + "]", "[1e999]",
     '{"value":1,"value":2}'],
    ids=["5000-digits", "surrogate", "deep", "beyond-float", "name-twice"],
)
def test_params_that_python_finds_hard(client, params):
    """Answered by the request's own id, with a result or an error; the worker lives on."""
    client.send_line('{"jsonrpc":"2.0","id":77,"method":"app.asynchronous","params":%s}' % params)
    answer = client.receive()
    assert answer["id"] == 77
    if "error" in answer:
        assert answer["error"]["code"] in (-32000, -32602), answer


def test_an_answer_over_the_largest_size(start_daemon):
    daemon = start_daemon(
        {"app": "def blank(n): return 'x' * n"}, server={"max_response_size": "64K"}
    )
    client = daemon.connect()
    assert len(client.call("app.blank", [60000])) == 60000
    with pytest.raises(CallError) as raised:
        client.call("app.blank", [70000])
    assert raised.value.kind == "too_large"
    assert "max_response_size" in str(raised.value.data) or "65536" in str(raised.value.data)
    assert client.call("app.blank", [5]) == "xxxxx"
