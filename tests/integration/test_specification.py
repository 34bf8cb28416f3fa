# SPDX-License-Identifier: MIT
"""The examples of the JSON-RPC 2.0 specification (its section 7), with a program's name before
theirs. The answers must be the specification's; errors carry `data` besides."""
import pytest

PROGRAM = """
seen = []

def subtract(minuend, subtrahend):
    return minuend - subtrahend

def sum(*numbers):
    total = 0
    for number in numbers:
        total += number
    return total

def get_data():
    return ["hello", 5]

def update(*values):
    seen.append(["update", list(values)])

def notify_hello(value):
    seen.append(["notify_hello", value])

def notify_sum(*values):
    seen.append(["notify_sum", list(values)])

def take_seen():
    taken, seen[:] = list(seen), []
    return taken
"""


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon({"spec": PROGRAM})


@pytest.fixture
def client(daemon):
    return daemon.connect()


def without_data(answer):
    """An answer with the part taken out that the specification leaves to us."""
    if "error" in answer:
        error = {key: value for key, value in answer["error"].items() if key != "data"}
        return {**answer, "error": error}
    return answer


def failure(code, message, identity=None):
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": identity}


PARSE_ERROR = failure(-32700, "Parse error")
INVALID_REQUEST = failure(-32600, "Invalid Request")


@pytest.mark.valgrind
@pytest.mark.parametrize(
    "request_line, answer",
    [
        ('{"jsonrpc": "2.0", "method": "spec.subtract", "params": [42, 23], "id": 1}',
         {"jsonrpc": "2.0", "result": 19, "id": 1}),
        ('{"jsonrpc": "2.0", "method": "spec.subtract", "params": [23, 42], "id": 2}',
         {"jsonrpc": "2.0", "result": -19, "id": 2}),
        ('{"jsonrpc": "2.0", "method": "spec.subtract", '
         '"params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
         {"jsonrpc": "2.0", "result": 19, "id": 3}),
        ('{"jsonrpc": "2.0", "method": "spec.subtract", '
         '"params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
         {"jsonrpc": "2.0", "result": 19, "id": 4}),
        ('{"jsonrpc": "2.0", "method": "spec.foobar", "id": "1"}',
         failure(-32601, "Method not found", "1")),
        ('{"jsonrpc": "2.0", "method": "spec.foobar, "params": "bar", "baz]', PARSE_ERROR),
        ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', INVALID_REQUEST),
        ('[ {"jsonrpc": "2.0", "method": "spec.sum", "params": [1,2,4], "id": "1"}, '
         '{"jsonrpc": "2.0", "method" ]', PARSE_ERROR),
        ("[]", INVALID_REQUEST),
        ("[1]", [INVALID_REQUEST]),
        ("[1,2,3]", [INVALID_REQUEST] * 3),
    ],
    ids=["positional", "positional-swapped", "named", "named-swapped", "non-existent-method",
         "invalid-json", "invalid-request-object", "batch-invalid-json", "empty-array",
         "invalid-but-not-empty-batch", "invalid-batch"],
)
def test_example_with_an_answer(client, request_line, answer):
    got = client.answer_to_line(request_line)
    if isinstance(answer, list):
        assert [without_data(element) for element in got] == answer
    else:
        assert without_data(got) == answer


def test_notifications_are_run_and_not_answered(client):
    client.send_line('{"jsonrpc": "2.0", "method": "spec.update", "params": [1,2,3,4,5]}')
    client.send_line('{"jsonrpc": "2.0", "method": "spec.foobar"}')
    # One worker takes its requests in their order: an answer to those two would have come before.
    assert client.call("spec.take_seen") == [["update", [1, 2, 3, 4, 5]]]
    assert not client.has_input()


def test_batch(client):
    client.send_line(
        '[ {"jsonrpc": "2.0", "method": "spec.sum", "params": [1,2,4], "id": "1"},'
        ' {"jsonrpc": "2.0", "method": "spec.notify_hello", "params": [7]},'
        ' {"jsonrpc": "2.0", "method": "spec.subtract", "params": [42,23], "id": "2"},'
        ' {"foo": "boo"},'
        ' {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},'
        ' {"jsonrpc": "2.0", "method": "spec.get_data", "id": "9"} ]'
    )
    answers = {answer["id"]: without_data(answer) for answer in client.receive()}
    assert answers == {
        "1": {"jsonrpc": "2.0", "result": 7, "id": "1"},
        "2": {"jsonrpc": "2.0", "result": 19, "id": "2"},
        None: INVALID_REQUEST,
        "5": failure(-32601, "Method not found", "5"),
        "9": {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"},
    }
    assert client.call("spec.take_seen") == [["notify_hello", 7]]


def test_batch_of_notifications_is_not_answered(client):
    client.send_line(
        '[ {"jsonrpc": "2.0", "method": "spec.notify_sum", "params": [1,2,4]},'
        ' {"jsonrpc": "2.0", "method": "spec.notify_hello", "params": [7]} ]'
    )
    assert client.call("spec.take_seen") == [["notify_sum", [1, 2, 4]], ["notify_hello", 7]]
    assert not client.has_input()


# What the specification says outside its examples.


def test_a_batch_is_one_line_and_comes_when_all_of_it_is_answered(client):
    batch = [
        {"jsonrpc": "2.0", "id": number, "method": "jumpbootd.ping"} for number in range(20)
    ]
    batch.append({"jsonrpc": "2.0", "id": "python", "method": "spec.get_data"})
    client.send(batch)
    answers = client.receive()
    assert sorted(str(answer["id"]) for answer in answers) == sorted(
        str(element["id"]) for element in batch
    )


def test_error_answers_and_results_are_never_both_there(client):
    for method in ("spec.get_data", "spec.foobar", "nothing.at_all"):
        answer = client.answer(method)
        assert ("result" in answer) != ("error" in answer)


def test_a_void_function_answers_null(client):
    client.request("spec.update", [1], id=1)
    assert client.receive() == {"jsonrpc": "2.0", "id": 1, "result": None}
    assert client.call("spec.take_seen") == [["update", [1]]]
