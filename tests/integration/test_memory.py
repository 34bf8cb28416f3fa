# SPDX-License-Identifier: MIT
"""What the daemon needs of memory: looked at on a build without sanitizers.

JUMPBOOT_PLAIN_BUILD names a build folder without them, for when the other tests run one with them.
"""
import contextlib
import os
import threading

import pytest
from harness import GATE_SOURCE, is_instrumented, resident_kilobytes


@pytest.fixture(autouse=True)
def _plain_daemon(monkeypatch):
    if "JUMPBOOT_PLAIN_BUILD" in os.environ:
        monkeypatch.setenv("JUMPBOOT_BUILD", os.environ["JUMPBOOT_PLAIN_BUILD"])
        monkeypatch.delenv("JUMPBOOTD", raising=False)
    if is_instrumented():
        pytest.skip("the daemon is instrumented, and JUMPBOOT_PLAIN_BUILD names none that is not")


PROGRAM = {"app": {"main": {"source": "def ok(): return 'ok'\n"}, "min_workers": 0,
                   "max_workers": 1, "idle_timeout": "100ms"}}


def private_bytes(pid):
    """Memory that is the process' own, whether it has been given back to itself or not."""
    kilobytes = 0
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        for line in rollup:
            if line.startswith(("Private_Dirty", "Private_Clean")):
                kilobytes += int(line.split()[1])
    return kilobytes * 1024


def test_an_idle_daemon_without_workers(start_daemon):
    daemon = start_daemon(PROGRAM)
    assert daemon.workers() == []
    assert resident_kilobytes(daemon.pid) < 8 * 1024


def test_after_use_it_is_an_idle_daemon_again(start_daemon):
    daemon = start_daemon(PROGRAM)
    for _ in range(3):
        assert daemon.call("app.ok") == "ok"
    daemon.assert_quiescent()
    assert resident_kilobytes(daemon.pid) < 8 * 1024


@pytest.mark.parametrize("has_called", [False, True], ids=["silent", "after-a-call"])
def test_an_idle_client(start_daemon, has_called):
    """Under 2 KB each, measured over 4,000 of them."""
    count = 4000
    daemon = start_daemon(PROGRAM)
    daemon.call("app.ok")
    before = private_bytes(daemon.pid)
    clients = [daemon.connect() for _ in range(count)]
    if has_called:
        for client in clients:
            client.call("jumpbootd.ping")
    assert daemon.status()["clients"] == count + 1
    assert (private_bytes(daemon.pid) - before) / count < 2048


def test_clients_that_leave_give_their_memory_back(start_daemon):
    """What 4,000 clients needed serves the next 4,000: nothing piles up."""
    daemon = start_daemon(PROGRAM)
    figures = []
    for _ in range(4):
        clients = [daemon.connect() for _ in range(4000)]
        clients[-1].call("jumpbootd.ping")
        daemon.assert_quiescent()
        figures.append(private_bytes(daemon.pid))
    assert figures[-1] < figures[0] + (512 << 10)


def test_many_requests_leave_nothing_behind(start_daemon):
    daemon = start_daemon({"app": "def echo(x): return x\n"})
    client = daemon.connect()

    def burst():
        for number in range(3000):
            client.request("app.echo", ["x" * (number % 700)], id=number + 1)
            if number % 50 == 49:
                client.receive_by_id(50)
        return private_bytes(daemon.pid)

    figures = [burst() for _ in range(8)]
    assert figures[-1] <= max(figures[:4]) + (64 << 10)


def test_large_requests_leave_nothing_behind(start_daemon):
    daemon = start_daemon({"app": "def echo(x): return x\n"})
    before = private_bytes(daemon.pid)
    client = daemon.connect()
    text = "x" * (8 << 20)
    for _ in range(5):
        assert client.call("app.echo", [text]) == text
    daemon.assert_quiescent()
    # It is given back to the system a little later, in case that more of them come.
    daemon.wait_for(
        lambda: private_bytes(daemon.pid) < before + (1 << 20), "the memory to be given back"
    )


MEGABYTE = 1 << 20
SIZES = GATE_SOURCE + """
import jumpboot

def size(text):
    return len(text)

async def call_many(count, size):
    import asyncio
    text = "x" * size
    calls = [asyncio.ensure_future(jumpboot.acall("app.size", text)) for _ in range(count)]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    print("one has ended", flush=True)
    ends = await asyncio.gather(*calls, return_exceptions=True)
    return [end if isinstance(end, int) else end.kind for end in ends]

def call_one(size):
    return jumpboot.call("app.size", "x" * size)
"""
BOUNDED = {"max_buffered": "90M", "max_request_size": "16M", "max_response_size": "1M"}


def peak_megabytes(daemon):
    return resident_kilobytes(daemon.pid, "VmHWM") // 1024


def send_in_background(client, line, count):
    def send():
        with contextlib.suppress(OSError):
            for _ in range(count):
                client.send_raw(line)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def size_request(length):
    return b'{"jsonrpc":"2.0","id":1,"method":"app.size","params":["%s"]}\n' % (b"x" * length)


def test_max_buffered_bounds_what_one_client_sends(start_daemon):
    """The story: each 20 ms a client that was held could send another request to its end, and one
    with 40 requests of 15 MB had 595 MB in memory where max_buffered was 90M."""
    daemon = start_daemon({"app": SIZES, "other": SIZES}, server=BOUNDED)
    gate, large, small = daemon.gate(), daemon.connect(), daemon.connect()
    large.request("app.pass_gate", [gate.path], id="held")
    gate.wait_entered()
    sender = send_in_background(large, size_request(15 * MEGABYTE), 40)
    daemon.wait_for(lambda: daemon.log_lines("max_buffered: pausing"), "the limit to be reached")
    for number in range(200):
        assert small.call("other.size", ["x" * number]) == number
    gate.release()
    answers = [large.receive() for _ in range(41)]
    sender.join()
    assert [answer["result"] for answer in answers[1:]] == [15 * MEGABYTE] * 40
    assert peak_megabytes(daemon) < 90 + 16 + 16


def test_max_buffered_bounds_what_many_clients_send(start_daemon):
    daemon = start_daemon({"app": SIZES}, server=BOUNDED)
    clients = [daemon.connect() for _ in range(20)]
    senders = [send_in_background(client, size_request(15 * MEGABYTE), 3) for client in clients]
    for client in clients:
        assert [client.receive()["result"] for _ in range(3)] == [15 * MEGABYTE] * 3
    for sender in senders:
        sender.join()
    assert peak_megabytes(daemon) < 90 + 16 + 16


def test_max_buffered_bounds_what_a_worker_calls(start_daemon):
    """The story: calls by workers were never held back, and 40 of 15 MB had 610 MB in memory where
    max_buffered was 90M."""
    daemon = start_daemon({"app": {"main": {"source": SIZES}, "max_workers": 1}, "caller": SIZES},
                          server=BOUNDED)
    gate, client = daemon.gate(), daemon.connect()
    client.request("app.pass_gate", [gate.path], id="held")
    gate.wait_entered()
    client.request("caller.call_many", [20, 15 * MEGABYTE], id="calls")
    daemon.wait_for(lambda: daemon.log_lines("one has ended"), "the first refusal")
    gate.release()
    came = client.receive_by_id(2)["calls"]["result"]
    assert set(came) == {15 * MEGABYTE, "overloaded"}
    assert came.count(15 * MEGABYTE) >= 5
    assert peak_megabytes(daemon) < 90 + 16 + 16
    assert daemon.call("caller.call_one", [15 * MEGABYTE]) == 15 * MEGABYTE
