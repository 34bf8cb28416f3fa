# SPDX-License-Identifier: MIT
"""Many clients, large messages, full queues."""
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

from harness import GATE_SOURCE, error_of

ECHO = GATE_SOURCE + """
def echo(value=None):
    return value

def blank(size):
    return "x" * size
"""

MEGABYTE = 1 << 20


def test_1000_concurrent_clients_with_several_calls_each(start_daemon):
    daemon = start_daemon(
        {"app": {"main": {"source": ECHO}, "min_workers": 2, "max_workers": 2,
                 "max_queue_size": 5000}}
    )
    clients = [daemon.connect() for _ in range(1000)]
    assert daemon.status()["clients"] == 1001
    for call in range(5):
        for number, client in enumerate(clients):
            client.request("app.echo", [[number, call]], id=number)
        for number, client in enumerate(clients):
            answer = client.receive()
            assert (answer["id"], answer["result"]) == (number, [number, call])
    status = daemon.program_status("app")
    assert status["requests"]["ok"] == 5000
    assert status["queue"]["high_water"] >= 1


def big_line(size):
    """A request of exactly `size` bytes, and the string in it."""
    begin, end = b'{"jsonrpc":"2.0","id":1,"method":"app.echo","params":["', b'"]}'
    text = os.urandom((size - len(begin) - len(end) + 1) // 2).hex()
    text = text[:size - len(begin) - len(end)]
    return begin + text.encode() + end, text


def test_16_megabytes_there_and_back_while_small_requests_flow(start_daemon):
    """Order, not time, is what is looked at: the small ones are answered in the midst of the
    large one's way in, and in the midst of its answer's way out."""
    daemon = start_daemon({"app": ECHO, "small": ECHO})
    before = daemon.snapshot()
    large, small = daemon.connect(), daemon.connect()
    line, text = big_line(16 * MEGABYTE)
    view, step = memoryview(line), 1 * MEGABYTE
    for offset in range(0, len(line), step):
        large.send_raw(view[offset:offset + step])
        assert small.call("small.echo", [offset]) == offset
    large.send_raw(b"\n")
    received = bytearray()
    while not received.endswith(b"\n"):
        received += large.socket.recv(1 << 18)
        assert small.call("small.echo", [len(received)]) == len(received)
    result = json.loads(received)["result"]
    assert hashlib.sha256(result.encode()).digest() == hashlib.sha256(text.encode()).digest()
    daemon.assert_quiescent(before)


def test_large_requests_of_several_clients_at_once(start_daemon):
    daemon = start_daemon({"app": {"main": {"source": ECHO}, "min_workers": 2, "max_workers": 2}})
    clients = [daemon.connect() for _ in range(6)]
    lines = [big_line(4 * MEGABYTE) for _ in clients]
    step = 1 << 16
    for offset in range(0, 4 * MEGABYTE, step):
        for client, (line, _) in zip(clients, lines):
            client.send_raw(line[offset:offset + step])
    for client in clients:
        client.send_raw(b"\n")
    for client, (_, text) in zip(clients, lines):
        assert client.receive()["result"] == text


# Limits


def test_more_in_flight_than_max_client_requests(start_daemon):
    """The rest waits in the buffers and in the socket; all of it is answered."""
    daemon = start_daemon({"app": ECHO}, server={"max_client_requests": 4})
    gate = daemon.gate()
    client, other = daemon.connect(), daemon.connect()
    client.request("app.pass_gate", [gate.path], id="held")
    gate.wait_entered()
    client.send_raw(b"".join(
        b'{"jsonrpc":"2.0","id":%d,"method":"app.echo","params":[%d]}\n' % (number, number)
        for number in range(200)
    ))
    status = other.call("jumpbootd.status")
    assert status["requests_in_flight"] <= 5  # the status' own may count
    assert status["programs"]["app"]["queue"]["length"] <= 3
    gate.release()
    answers = client.receive_by_id(201)
    assert answers.pop("held")["result"] == "passed"
    assert {number: answer["result"] for number, answer in answers.items()} == {
        number: number for number in range(200)
    }


def test_max_clients(start_daemon):
    """Who comes past it waits in the backlog, and is served when another leaves."""
    daemon = start_daemon({"app": ECHO}, server={"max_clients": 2})
    first, second, third = (daemon.connect() for _ in range(3))
    assert first.call("app.echo", [1]) == 1
    assert second.call("app.echo", [2]) == 2
    third.request("app.echo", [3], id=3)
    for _ in range(20):
        assert first.call("jumpbootd.status")["clients"] == 2
        assert not third.has_input()
    first.close()
    assert third.receive()["result"] == 3
    assert second.call("jumpbootd.status")["clients"] == 2


def test_a_full_queue(start_daemon):
    daemon = start_daemon({"app": {"main": {"source": ECHO}, "max_queue_size": 3}})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="held")
    gate.wait_entered()
    for number in range(1, 6):
        client.request("app.echo", [number], id=number)
    refused = client.receive_by_id(2)
    for answer in refused.values():
        error = error_of(answer)
        assert error["code"] == -32001
        assert error["data"]["retry_after"] > 0
    assert refused.keys() == {4, 5}, "those that came first are the ones that are kept"
    assert daemon.program_status("app")["queue"]["high_water"] == 3
    gate.release()
    answers = client.receive_by_id(4)
    assert answers.keys() == {"held", 1, 2, 3}
    assert daemon.program_status("app")["requests"]["overloaded"] == 2


def test_one_program_s_full_queue_is_not_another_s(start_daemon):
    daemon = start_daemon({"app": {"main": {"source": ECHO}, "max_queue_size": 1}, "other": ECHO})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="held")
    gate.wait_entered()
    client.request("app.echo", [1], id=1)
    assert daemon.error("app.echo")["code"] == -32001
    assert daemon.call("other.echo", [2]) == 2
    gate.release()
    assert len(client.receive_by_id(2)) == 2


def test_a_full_queue_within_a_batch(start_daemon):
    daemon = start_daemon({"app": {"main": {"source": ECHO}, "max_queue_size": 2}})
    gate = daemon.gate()
    client = daemon.connect()
    client.request("app.pass_gate", [gate.path], id="held")
    gate.wait_entered()
    client.send([
        {"jsonrpc": "2.0", "id": number, "method": "app.echo", "params": [number]}
        for number in range(5)
    ])
    gate.release()
    assert client.receive()["id"] == "held"
    answers = {answer["id"]: answer for answer in client.receive()}
    assert [answers[number].get("result") for number in range(5)] == [0, 1, None, None, None]
    assert {answers[number]["error"]["code"] for number in (2, 3, 4)} == {-32001}


def test_max_buffered_small_loses_nothing(start_daemon):
    """Far more is asked for than may be held in memory at once: reading pauses, all go on."""
    daemon = start_daemon(
        {"app": {"main": {"source": ECHO}, "min_workers": 2, "max_workers": 2}},
        server={"max_buffered": "4M", "max_request_size": "1M", "max_response_size": "1M"},
    )
    clients = [daemon.connect() for _ in range(20)]
    for client in clients:
        for number in range(1, 11):
            client.request("app.blank", [900000], id=number)
    # Each takes its own: they are served in turn, and who takes nothing meanwhile is dropped.
    with ThreadPoolExecutor(len(clients)) as threads:
        for answers in threads.map(lambda client: client.receive_by_id(10), clients):
            assert {len(answer["result"]) for answer in answers.values()} == {900000}


def test_max_buffered_small_and_large_requests(start_daemon):
    daemon = start_daemon(
        {"app": {"main": {"source": ECHO}, "min_workers": 2, "max_workers": 2}},
        server={"max_buffered": "4M", "max_request_size": "1M", "max_response_size": "1M"},
    )
    clients = [daemon.connect() for _ in range(12)]
    text = "y" * 900000
    with ThreadPoolExecutor(len(clients)) as threads:
        calls = [threads.submit(client.call, "app.echo", [text]) for client in clients]
        for call in calls:
            assert call.result() == text


def test_max_buffered_held_by_one_that_never_reads(start_daemon):
    """Whoever keeps the buffers full and takes nothing out is dropped; the others go on."""
    daemon = start_daemon(
        {"app": ECHO},
        server={"max_buffered": "4M", "max_request_size": "1M", "max_response_size": "1M"},
    )
    silent, good = daemon.connect(), daemon.connect()
    for number in range(1, 11):
        silent.request("app.blank", [900000], id=number)

    def is_dropped():
        assert good.call("app.echo", ["goes on"]) == "goes on"
        return daemon.log_lines("dropping a client")

    daemon.wait_for(is_dropped, "it to be dropped")
    assert daemon.log_lines("max_buffered: pausing")
    while silent.socket.recv(1 << 20):
        pass  # what had been written to the socket before; then comes the end


def test_max_buffered_reached_by_a_batch(start_daemon):
    """The story: answers that waited for the rest of their batch counted as not taken by the client,
    so that the rest never began."""
    daemon = start_daemon(
        {"app": {"main": {"source": ECHO}, "max_workers": 1, "request_timeout": 0}},
        server={"max_buffered": "4M", "max_request_size": "1M", "max_response_size": "1M"},
    )
    client = daemon.connect()
    client.send([{"jsonrpc": "2.0", "id": number, "method": "app.blank", "params": [900000]}
                 for number in range(10)])
    answers = client.receive()
    sizes = [len(answer["result"]) for answer in answers if "result" in answer]
    assert sizes == [900000] * 2  # of 2 MB, which is half of max_buffered
    refused = [answer["error"]["data"]["kind"] for answer in answers if "error" in answer]
    assert refused == ["too_large"] * 8
    assert client.call("app.echo", ["goes on"]) == "goes on"
