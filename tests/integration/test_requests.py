# SPDX-License-Identifier: MIT
"""What a client may write: ids, names, members, white space, and what is refused."""
import json

import pytest
from harness import CODE_OF_KIND, GATE_SOURCE, error_of

PROGRAM = """
def echo(value=None):
    return value

def arguments(*positional, **named):
    return [list(positional), named]

def ünïcode():
    return "ünïcode"

class namespace:
    pass
"""


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon(
        {"app": PROGRAM, "gated": GATE_SOURCE, "my-app_2": PROGRAM},
        server={"max_request_size": "64K"},
    )


@pytest.fixture
def client(daemon):
    return daemon.connect()


def assert_refused(answer, kind, identity=None):
    assert answer["id"] == identity
    assert error_of(answer)["code"] == CODE_OF_KIND[kind], answer
    return answer["error"]


# Ids


@pytest.mark.valgrind
@pytest.mark.parametrize(
    "identity",
    [
        "1", "0", "-1", "-0", "1.0", "1.50", "1e3", "1E+3", "-2.5e-10",
        "123456789012345678901234567890", "9007199254740993", "null",
        '""', '"a"', '"1"', '"\\u0061"', '"\\ud83d\\ude00"', '"😀"', '"\\ud800"', '"a\\/b"',
        '"tab\\tquote\\"end"', '"\\u0000"', '" padded "', '"' + "x" * 254 + '"', "1" * 256,
    ],
)
def test_an_id_comes_back_byte_for_byte(client, identity):
    client.send_line('{"jsonrpc":"2.0","id": %s ,"method":"app.echo","params":[5]}' % identity)
    line = client.receive_line()
    assert b'"id":%s,' % identity.encode() in line
    assert json.loads(line)["result"] == 5


@pytest.mark.parametrize("identity", ['"' + "x" * 255 + '"', "1" * 257, '"' + "é" * 128 + '"'])
def test_an_id_over_256_bytes_is_refused(client, identity):
    client.send_line('{"jsonrpc":"2.0","id":%s,"method":"app.echo"}' % identity)
    error = assert_refused(client.receive(), "invalid_request")
    assert "256" in error["data"]["detail"]


@pytest.mark.parametrize("identity", ["true", "false", "[]", "[1]", "{}", '{"a":1}'])
def test_an_id_of_another_type_is_refused(client, identity):
    client.send_line('{"jsonrpc":"2.0","id":%s,"method":"app.echo"}' % identity)
    assert_refused(client.receive(), "invalid_request")


def test_the_same_id_twice_in_flight_is_the_client_s_own_business(client):
    for value in ("first", "second"):
        client.request("app.echo", [value], id="same")
    assert [client.receive()["result"] for _ in range(2)] == ["first", "second"]


# The request object


@pytest.mark.parametrize(
    "line",
    [
        '{"jsonrpc":"2.0","id":7}',
        '{"jsonrpc":"1.0","id":7,"method":"app.echo"}',
        '{"jsonrpc":2.0,"id":7,"method":"app.echo"}',
        '{"id":7,"method":"app.echo"}',
        '{"jsonrpc":"2.0","id":7,"method":5}',
        '{"jsonrpc":"2.0","id":7,"method":null}',
        '{"jsonrpc":"2.0","id":7,"method":["app.echo"]}',
        '{"jsonrpc":"2.0","id":7,"method":"app.echo","params":5}',
        '{"jsonrpc":"2.0","id":7,"method":"app.echo","params":"text"}',
        '{"jsonrpc":"2.0","id":7,"method":"app.echo","params":null}',
        '{"jsonrpc":"2.0","id":7,"method":"app.echo","params":true}',
        '{"jsonrpc":"2.0","id":7,"method":"app.echo","timeout":"5"}',
        '{"jsonrpc":"2.0","id":7,"method":"app.echo","timeout":-1}',
        '{"jsonrpc":"2.0","id":7,"method":"app.echo","timeout":true}',
        '{"jsonrpc":"2.0","id":7,"method":"app.echo","timeout":[1]}',
    ],
)
def test_an_object_that_is_no_request(client, line):
    """It has an id that can be told: the answer bears it, so that the client knows which it was."""
    answer = client.answer_to_line(line)
    assert answer["id"] in (7, None)
    assert_refused(answer, "invalid_request", answer["id"])
    assert client.call("app.echo", ["goes on"]) == "goes on"


@pytest.mark.parametrize("line", ["5", '"text"', "null", "true", "{}", "-1.5e3"])
def test_json_that_is_no_request(client, line):
    assert_refused(client.answer_to_line(line), "invalid_request")
    assert client.call("app.echo", ["goes on"]) == "goes on"


@pytest.mark.parametrize(
    "member",
    ['"jsonrpc":"2.0"', '"id":1', '"method":"app.echo"', '"params":[1]', '"timeout":5',
     '"unknown":1,"unknown":2', '"\\u0069d":1', '"met\\u0068od":"app.arguments"',
     '"unknown":1,"unkn\\u006fwn":2'],
)
def test_a_member_that_stands_twice_is_refused(client, member):
    client.send_line(
        '{"jsonrpc":"2.0","id":1,"method":"app.echo","params":[1],"timeout":5,%s}' % member
    )
    error = error_of(client.receive())
    assert error["data"]["kind"] == "invalid_request"


def test_members_that_nobody_knows_are_passed_over(client):
    client.send_line(
        '{"extra":{"id":9,"method":"x"},"jsonrpc":"2.0","id":1,"method":"app.echo",'
        '"params":["yes"],"another":[[[]]]}'
    )
    assert client.receive() == {"jsonrpc": "2.0", "id": 1, "result": "yes"}


def test_the_order_of_members_does_not_matter(client):
    client.send_line('{"params":["yes"],"method":"app.echo","id":1,"jsonrpc":"2.0"}')
    assert client.receive()["result"] == "yes"


@pytest.mark.parametrize(
    "line",
    [
        '{"jsonrpc":"2.0","id":1,"m\\u0065thod":"app.echo","params":["yes"]}',
        '{"jsonrpc":"2.0","id":1,"method":"app\\u002eecho","params":["yes"]}',
        '{"jsonrpc":"2\\u002e0","id":1,"method":"\\u0061\\u0070\\u0070.echo","params":["yes"]}',
        ' \t{ "jsonrpc" : "2.0" , "id" : 1 ,\t"method" : "app.echo" , "params" : [ "yes" ] } \t\r',
    ],
    ids=["member-name", "method", "all", "white-space"],
)
def test_escapes_and_white_space_mean_what_json_says(client, line):
    assert client.answer_to_line(line)["result"] == "yes"


def test_names_of_functions_and_programs(client):
    assert client.call("my-app_2.echo", [1]) == 1
    assert client.call("app.ünïcode") == "ünïcode"
    client.send_line('{"jsonrpc":"2.0","id":1,"method":"app.\\u00fcn\\u00efcode"}')
    assert client.receive()["result"] == "ünïcode"


@pytest.mark.parametrize(
    "method",
    ["app.nothing", "app.namespace", "app.__import__", "app._private", "app.echo.__call__",
     "app.", "app", "", ".", ".echo", "nothing.echo", "APP.echo", "app echo", "app.echo\n",
     "app.echo\u0000", "x" * 5000, "app." + "x" * 5000, "rpc.nothing", "jumpbootd.nothing",
     "jumpbootd.", "jumpbootd.ping\u0000", "rpc"],
    ids=lambda method: ascii(method[:30])[1:-1],
)
def test_a_method_that_does_not_exist(client, method):
    error = client.error(method)
    assert error["data"]["kind"] == "method_not_found"
    assert client.call("app.echo", ["goes on"]) == "goes on"


# Params


@pytest.mark.parametrize(
    "params, expected",
    [
        (None, [[], {}]),
        ([], [[], {}]),
        ({}, [[], {}]),
        ([1, "two", None, [3], {"four": 4}], [[1, "two", None, [3], {"four": 4}], {}]),
        ({"a": 1, "ü": [2]}, [[], {"a": 1, "ü": [2]}]),
        ({"request_id": "1", "command": "x", "data": {}},
         [[], {"request_id": "1", "command": "x", "data": {}}]),
    ],
)
def test_params_become_arguments(client, params, expected):
    assert client.call("app.arguments", params) == expected


@pytest.mark.parametrize(
    "text",
    ['"\\u0000\\u001f\\u007f"', '"\\ud83d\\ude00 😀"', "1e308", "-0.0", "12345678901234567890123",
     "0.1", '"</script>\u2028\u2029"', "[" * 200 + "]" * 200,
     '{"a":{"b":[true,false,null]}}', '"\\"}\\n{\\"request_id\\":\\"1\\""'],
)
def test_values_pass_through_unchanged(client, text):
    client.send_line('{"jsonrpc":"2.0","id":1,"method":"app.echo","params":[%s]}' % text)
    assert client.receive()["result"] == json.loads(text)


# Lines


def test_blank_lines_are_passed_over(client):
    client.send_raw(b"\n\n \t\r\n\n")
    assert client.call("app.echo", ["yes"]) == "yes"
    assert not client.has_input()


def test_a_line_may_come_in_any_pieces(client):
    line = b'{"jsonrpc":"2.0","id":"\xc3\xa9","method":"app.echo","params":["\xf0\x9f\x98\x80"]}\n'
    for index in range(len(line)):
        client.send_raw(line[index:index + 1])
    assert client.receive() == {"jsonrpc": "2.0", "id": "é", "result": "😀"}


def test_many_lines_may_come_in_one_piece(client):
    lines = b"".join(
        b'{"jsonrpc":"2.0","id":%d,"method":"app.echo","params":[%d]}\n' % (number, number)
        for number in range(50)
    )
    client.send_raw(lines)
    answers = client.receive_by_id(50)
    assert {identity: answer["result"] for identity, answer in answers.items()} == {
        number: number for number in range(50)
    }


@pytest.mark.valgrind
@pytest.mark.parametrize(
    "line",
    [
        b"{", b"}", b"[", b"nonsense", b"{'jsonrpc':'2.0'}", b'{"a":1,}', b"[1,]", b'{"a" 1}',
        b'{"a":01}', b"+1", b".5", b"1.", b"NaN", b"Infinity", b"[1 2]", b'"\t"', b'"\\x41"',
        b'"\\u12g4"', b'"unterminated', b"tru", b"nul", b"// comment", b"\xef\xbb\xbf{}",
        b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b"\x00", b"\x00{}",
        b"{}{}", b'{"a":"\x00"}', b"[" * 257 + b"]" * 257, b"[" * 60000,
    ],
    ids=lambda line: ascii(line[:24])[2:-1],
)
def test_what_is_not_json_is_a_parse_error(client, line):
    client.send_raw(line + b"\n")
    error = assert_refused(client.receive(), "parse_error")
    assert error["data"]["detail"]
    assert client.call("app.echo", ["goes on"]) == "goes on"


def test_a_request_of_exactly_the_largest_size_and_one_byte_more(client):
    limit = 64 * 1024
    begin, end = '{"jsonrpc":"2.0","id":1,"method":"app.echo","params":["', '"]}'
    filling = "x" * (limit - len(begin) - len(end))
    assert client.answer_to_line(begin + filling + end)["result"] == filling
    answer = client.answer_to_line(begin + filling + "x" + end)
    assert answer["id"] in (1, None)
    assert error_of(answer)["data"]["kind"] == "too_large"
    assert client.call("app.echo", ["goes on"]) == "goes on"


# Batches


def test_a_batch_as_long_as_allowed_and_one_longer(daemon, client):
    def batch(length):
        return [
            {"jsonrpc": "2.0", "id": number, "method": "app.echo", "params": [number]}
            for number in range(length)
        ]

    client.send(batch(64))
    answers = client.receive()
    assert sorted(answer["result"] for answer in answers) == list(range(64))
    client.send(batch(65))
    error = assert_refused(client.receive(), "invalid_request")
    assert "at most 64 elements" in error["data"]["detail"]
    assert client.call("app.echo", ["goes on"]) == "goes on"


def test_a_batch_within_a_batch_is_an_invalid_request(client):
    client.send_line('[[{"jsonrpc":"2.0","id":1,"method":"app.echo"}]]')
    (answer,) = client.receive()
    assert_refused(answer, "invalid_request")


def test_a_batch_may_ask_the_daemon_and_several_programs(client):
    client.send([
        {"jsonrpc": "2.0", "id": 1, "method": "app.echo", "params": ["a"]},
        {"jsonrpc": "2.0", "id": 2, "method": "my-app_2.echo", "params": ["b"]},
        {"jsonrpc": "2.0", "id": 3, "method": "jumpbootd.ping"},
    ])
    answers = {answer["id"]: answer["result"] for answer in client.receive()}
    assert (answers[1], answers[2]) == ("a", "b")
    assert set(answers[3]) == {"version", "pid", "uptime"}


def test_two_batches_may_be_in_flight_and_overtake_each_other(daemon, client):
    gate = daemon.gate("batch-gate")
    client.send([
        {"jsonrpc": "2.0", "id": 1, "method": "gated.pass_gate", "params": [gate.path]},
        {"jsonrpc": "2.0", "id": 2, "method": "app.echo", "params": ["held back"]},
    ])
    gate.wait_entered()
    client.send([{"jsonrpc": "2.0", "id": 3, "method": "app.echo", "params": ["overtakes"]}])
    assert [answer["result"] for answer in client.receive()] == ["overtakes"]
    gate.release()
    answers = {answer["id"]: answer["result"] for answer in client.receive()}
    assert answers == {1: "passed", 2: "held back"}


def test_a_batch_with_a_member_twice_in_one_element(client):
    client.send_line(
        '[{"jsonrpc":"2.0","id":1,"id":2,"method":"app.echo"},'
        '{"jsonrpc":"2.0","id":3,"method":"app.echo","params":["fine"]}]'
    )
    answers = client.receive()
    fine = [answer for answer in answers if "result" in answer]
    assert [(answer["id"], answer["result"]) for answer in fine] == [(3, "fine")]
    (refused,) = [answer for answer in answers if "error" in answer]
    assert error_of(refused)["data"]["kind"] == "invalid_request"


# Order


def test_answers_come_as_they_are_ready(daemon, client):
    gate = daemon.gate("order-gate")
    client.request("gated.pass_gate", [gate.path], id="slow")
    gate.wait_entered()
    for number in range(10):
        client.request("app.echo", [number], id=number + 1)
    assert client.receive_by_id(10).keys() == set(range(1, 11))
    gate.release()
    assert client.receive() == {"jsonrpc": "2.0", "id": "slow", "result": "passed"}


def test_one_worker_takes_its_requests_in_their_order(client):
    for number in range(30):
        client.request("app.echo", [number], id=number + 1)
    assert [client.receive()["result"] for _ in range(30)] == list(range(30))
