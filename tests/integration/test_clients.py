# SPDX-License-Identifier: MIT
"""Clients that behave badly, and the good ones beside them."""
import json
import os
import random
import select
import socket

import pytest
from harness import GATE_SOURCE, error_of

PROGRAM = GATE_SOURCE + """
def echo(value=None):
    return value

def blank(size):
    return "x" * size
"""

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon(
        {"app": {"main": {"source": PROGRAM}, "min_workers": 2, "max_workers": 2},
         "gated": GATE_SOURCE + "def ok(): return 'ok'\n",
         "counter": """
            total = 0

            def count():
                global total
                total += 1

            def counted():
                return total
         """}
    )


@pytest.fixture
def good(daemon):
    """A client that must be served whatever the others do."""
    return daemon.connect()


def line_of(number, method="app.echo", params=()):
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
    return json.dumps(message).encode() + b"\n"


def test_one_that_never_reads(daemon, good):
    """Its answers wait; it costs nobody else anything; and when it reads at last, all is there."""
    silent = daemon.connect()
    for number in range(1, 41):
        silent.request("app.blank", [MEGABYTE], id=number)
    for number in range(100):
        assert good.call("app.echo", [number]) == number
    answers = silent.receive_by_id(40)
    assert {len(answer["result"]) for answer in answers.values()} == {MEGABYTE}


def test_one_that_never_reads_and_leaves(daemon, good):
    silent = daemon.connect()
    for number in range(1, 41):
        silent.request("app.blank", [MEGABYTE], id=number)
    assert select.select([silent.socket], [], [], 30)[0]
    silent.close()
    assert good.call("app.echo", ["still there"]) == "still there"


def test_one_that_sends_requests_for_ever_and_never_reads(daemon, good):
    """The daemon stops reading from it at some point: its memory has a bound."""
    greedy = daemon.connect()
    greedy.socket.setblocking(False)
    line = line_of(1, params=["y" * 1000])
    sent = 0
    while sent < 256 * MEGABYTE:
        try:
            sent += greedy.socket.send(line)
        except BlockingIOError:
            good.call("app.echo", ["served"])
            if not select.select([], [greedy.socket], [], 0.2)[1]:
                break
    assert sent < 256 * MEGABYTE, "nothing ever held it back"
    assert good.call("app.echo", ["yes"]) == "yes"
    assert daemon.status()["buffered"] < 64 * MEGABYTE


def test_one_that_sends_half_a_line_and_stays(daemon, good):
    half = daemon.connect()
    line = line_of(1, params=["later"])
    half.send_raw(line[:20])
    for number in range(20):
        assert good.call("app.echo", [number]) == number
    half.send_raw(line[20:])
    assert half.receive()["result"] == "later"


def test_many_that_send_half_a_line_and_stay(daemon, good):
    clients = [daemon.connect() for _ in range(200)]
    for number, client in enumerate(clients):
        client.send_raw(line_of(number)[:10 + number % 30])
    assert good.call("app.echo", ["yes"]) == "yes"
    for number, client in enumerate(clients):
        client.send_raw(line_of(number)[10 + number % 30:])
    for number, client in enumerate(clients):
        assert client.receive()["id"] == number


def test_100_megabytes_without_a_newline(daemon, good):
    """Refused as too large; read to the end of the line without being kept; then it goes on."""
    client = daemon.connect()
    chunk = b"z" * MEGABYTE
    client.send_raw(b'{"jsonrpc":"2.0","id":5,"method":"app.echo","params":["')
    for number in range(100):
        client.send_raw(chunk)
        if number % 10 == 0:
            assert good.call("app.echo", [number]) == number
            assert good.call("jumpbootd.status")["buffered"] < 40 * MEGABYTE
    client.send_raw(b'"]}\n')
    answer = client.receive()
    assert error_of(answer)["data"]["kind"] == "too_large"
    assert "max_request_size" in str(answer) or str(16 * MEGABYTE) in str(answer)
    assert answer["id"] in (5, None)
    assert client.call("app.echo", ["goes on"]) == "goes on"


def test_100_megabytes_that_are_no_json(daemon, good):
    client = daemon.connect()
    for number in range(100):
        client.send_raw(b"z" * MEGABYTE)
    assert good.call("app.echo", ["yes"]) == "yes"
    client.send_raw(b"\n")
    assert error_of(client.receive())["data"]["kind"] in ("parse_error", "too_large")
    assert client.call("app.echo", ["goes on"]) == "goes on"


@pytest.mark.valgrind
def test_binary_garbage(daemon, good):
    """Each line of it gets one answer, an error; and the connection goes on."""
    generator = random.Random(20240229)
    client = daemon.connect()
    lines = [generator.randbytes(generator.randrange(1, 3000)).replace(b"\n", b"\x00")
             for _ in range(60)]
    for line in lines:
        client.send_raw(b"\xff" + line + b"\n")
        answer = client.receive()
        assert answer["id"] is None
        assert error_of(answer)["data"]["kind"] == "parse_error"
    assert client.call("app.echo", ["goes on"]) == "goes on"
    assert good.call("app.echo", ["yes"]) == "yes"


def test_garbage_that_is_never_read_back(daemon, good):
    """A million broken lines are answered a million times; that must not become memory."""
    client = daemon.connect()
    client.socket.setblocking(False)
    block = b"}\n" * 50000
    sent = 0
    while sent < 40 * MEGABYTE:
        try:
            sent += client.socket.send(block)
        except BlockingIOError:
            good.call("app.echo", ["served"])
            if not select.select([], [client.socket], [], 0.2)[1]:
                break
    assert daemon.status()["buffered"] < 32 * MEGABYTE
    assert sent < 40 * MEGABYTE, "nothing ever held it back"


def test_a_batch_of_a_million_elements(daemon, good):
    client = daemon.connect()
    client.send_raw(b"[" + b",".join([b"1"] * 1000000) + b"]\n")
    answer = client.receive()
    assert answer["id"] is None
    assert error_of(answer)["data"]["kind"] == "invalid_request"
    assert client.call("app.echo", ["goes on"]) == "goes on"
    assert good.call("app.echo", ["yes"]) == "yes"


def test_a_million_members_and_a_million_brackets(daemon):
    client = daemon.connect()
    members = ",".join(f'"{number}":0' for number in range(1000000))
    answer = client.answer_to_line("{%s}" % members)
    assert error_of(answer)["data"]["kind"] == "invalid_request"
    answer = client.answer_to_line("[" * 1000000)
    assert error_of(answer)["data"]["kind"] == "parse_error"
    params = '{"value":{%s}}' % members
    client.send_line('{"jsonrpc":"2.0","id":1,"method":"app.echo","params":%s}' % params)
    assert len(client.receive()["result"]) == 1000000


# Half-closed connections


@pytest.mark.valgrind
def test_half_closed_and_waiting_for_its_answers(daemon):
    gate = daemon.gate("half")
    client = daemon.connect()
    client.request("gated.pass_gate", [gate.path], id=1)
    client.request("app.echo", ["quick"], id=2)
    client.half_close()
    assert client.receive()["id"] == 2
    gate.wait_entered()
    gate.release()
    assert client.receive() == {"jsonrpc": "2.0", "id": 1, "result": "passed"}
    client.assert_closed()


def test_half_closed_without_a_final_newline(daemon):
    client = daemon.connect()
    client.send_raw(line_of(1, params=["first"]) + line_of(2, params=["last"]).rstrip(b"\n"))
    client.half_close()
    answers = client.receive_by_id(2)
    assert answers[2]["result"] == "last"
    client.assert_closed()


def test_half_closed_in_the_midst_of_a_line(daemon):
    client = daemon.connect()
    client.send_raw(line_of(1)[:20])
    client.half_close()
    answer = client.receive()
    assert error_of(answer)["data"]["kind"] == "parse_error"
    client.assert_closed()


def test_half_closed_with_nothing_to_wait_for(daemon):
    client = daemon.connect()
    client.half_close()
    client.assert_closed()
    client = daemon.connect()
    client.call("app.echo")
    client.half_close()
    client.assert_closed()


def test_half_closed_with_more_than_may_be_in_flight(daemon):
    """What was written before the end is answered, however long it has to wait in the buffers."""
    client = daemon.connect()
    client.send_raw(b"".join(line_of(number) for number in range(500)))
    client.half_close()
    assert client.receive_by_id(500).keys() == set(range(500))
    client.assert_closed()


# Clients that leave


def test_one_that_leaves_with_a_request_in_flight(daemon, good):
    gate = daemon.gate("left")
    client = daemon.connect()
    client.request("gated.pass_gate", [gate.path])
    gate.wait_entered()
    client.close()
    daemon.wait_for(lambda: good.call("jumpbootd.status")["clients"] == 1, "it to be gone")
    gate.release()
    assert good.call("gated.ok") == "ok"


def test_one_that_leaves_with_requests_in_the_queue(daemon, good):
    gate = daemon.gate("left-queue")
    holder, leaver = daemon.connect(), daemon.connect()
    holder.request("gated.pass_gate", [gate.path])
    gate.wait_entered()
    for _ in range(50):
        leaver.request("gated.ok")
    leaver.send([{"jsonrpc": "2.0", "id": number, "method": "gated.ok"} for number in range(10)])
    daemon.wait_for(
        lambda: good.call("jumpbootd.status")["programs"]["gated"]["queue"]["length"] == 60,
        "them to be queued",
    )
    leaver.close()
    daemon.wait_for(
        lambda: good.call("jumpbootd.status")["programs"]["gated"]["queue"]["length"] == 0,
        "the queue to be cleared of what nobody waits for",
    )
    gate.release()
    assert holder.receive()["result"] == "passed"


def test_one_that_fires_and_forgets(daemon, good):
    """It leaves at once after its notifications: they are all run, far more than may be in flight
    among them."""
    client = daemon.connect()
    for _ in range(300):
        client.notify("counter.count")
    client.close()
    daemon.wait_for(lambda: good.call("counter.counted") == 300, "all of them to be run")


def test_one_that_leaves_in_the_midst_of_a_large_request(daemon, good):
    client = daemon.connect()
    client.send_raw(line_of(1, params=["x" * (8 * MEGABYTE)])[:-100])
    client.close()
    assert good.call("app.echo", ["yes"]) == "yes"


def test_one_that_leaves_in_the_midst_of_a_large_answer(daemon, good):
    client = daemon.connect()
    client.request("app.blank", [8 * MEGABYTE])
    client.socket.recv(1000)
    client.close()
    assert good.call("app.echo", ["yes"]) == "yes"


def test_one_that_resets_with_unread_answers(daemon, good):
    for _ in range(50):
        client = daemon.connect()
        client.request("app.echo", ["unread"])
        client.socket.shutdown(socket.SHUT_RD)
        client.close()
    assert good.call("app.echo", ["yes"]) == "yes"


def test_connections_that_come_and_go(daemon, good):
    for _ in range(500):
        daemon.connect().close()
    assert good.call("app.echo", ["yes"]) == "yes"


def test_descriptors_sent_along_are_not_kept(daemon, good):
    """A client may attach descriptors to its bytes; they must not pile up in the daemon."""
    client = daemon.connect()
    for connection in (client, good):
        assert connection.call("app.echo", ["connected"]) == "connected"
    reader, writer = os.pipe()
    before = daemon.descriptors()
    line = line_of(1, params=["with descriptors"])
    socket.send_fds(client.socket, [line], [reader, writer] * 20)
    os.close(reader)
    os.close(writer)
    assert client.receive()["result"] == "with descriptors"
    assert good.call("app.echo", ["yes"]) == "yes"
    assert daemon.descriptors() == before
