# SPDX-License-Identifier: MIT
"""What the bench measures with: a load that checks every answer and counts what goes wrong, and the
smallest relay there can be. How fast anything is, is not tested."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness import DEADLINE, connect_socket, heed_signals, processes_with, wait_until

BUILD = Path(os.environ["JUMPBOOT_BUILD"]) / "tests/bench"
BENCH = Path(__file__).resolve().parents[1] / "bench"
WORKER = [sys.executable, BENCH / "worker.py"]
SHORT = ["--warm-up", "50ms", "--duration", "200ms"]


def run_load(*arguments):
    done = subprocess.run([BUILD / "load", *SHORT, *arguments], capture_output=True, text=True,
                          timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listens(path):
    try:
        connect_socket(path).close()
    except OSError:
        return False
    return True


def is_clean(report):
    return report["calls"] > 0 and report["failures"] == report["starved"] == 0


def answer_line(number, result):
    return b'{"jsonrpc":"2.0","id":%d,"result":%s}\n' % (number, result)


def answer_http(body, status=b"200 OK"):
    return b"HTTP/1.1 %s\r\nServer: x\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


@pytest.fixture
def serve_with(tmp_path):
    """serve_with(talk) is the path of a socket; talk(file, number of the connection) deals with
    each connection in a thread of its own."""
    server = socket.socket(socket.AF_UNIX)
    path = str(tmp_path / "fake.sock")

    def accept(talk):
        number = 0
        while True:
            try:
                connection = server.accept()[0]
            except OSError:
                return
            file = connection.makefile("rwb", buffering=0)
            threading.Thread(target=talk, args=(file, number), daemon=True).start()
            connection.close()
            number += 1

    def start(talk):
        server.bind(path)
        server.listen(64)
        threading.Thread(target=accept, args=(talk,), daemon=True).start()
        return path

    yield start
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def answering(answer_of):
    """Lines are answered by answer_of(the call)."""
    def talk(file, number):
        try:
            for line in iter(file.readline, b""):
                file.write(answer_of(json.loads(line)))
        except OSError:
            pass
    return talk


@pytest.mark.parametrize("work", ["add", "echo:100K", "burn:300us"])
@pytest.mark.parametrize("depth", ["1", "16"])
def test_a_worker_on_pipes_answers_rightly(work, depth):
    report = run_load("--work", work, "--depth", depth, "--pipes", *WORKER)
    assert is_clean(report)
    latency = report["latency_us"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"]
    assert report["cpu_us"]["workers"] > 0


def test_each_connection_on_pipes_has_a_worker_of_its_own():
    report = run_load("--connections", "3", "--depth", "2", "--pipes", *WORKER)
    assert is_clean(report)


def test_a_load_through_the_relay_reaches_all_connections(tmp_path):
    path = tmp_path / "relay.sock"
    relay = subprocess.Popen([BUILD / "relay", path, "2", *WORKER])
    try:
        wait_until(lambda: listens(path), "the relay to listen")
        for work in "add", "echo:1M":
            assert is_clean(run_load("--socket", path, "--connections", "8", "--depth", "4",
                                     "--duration", "1s", "--work", work))
        assert relay.poll() is None
    finally:
        relay.kill()
        relay.wait()


def test_the_daemon_serves_the_same_functions(start_daemon):
    daemon = start_daemon({"bench": {"main": str(BENCH / "program.py"), "min_workers": 2,
                                     "max_workers": 2}})
    report = run_load("--socket", daemon.socket_path, "--connections", "8", "--depth", "4",
                      "--cpu", "daemon=%d" % daemon.pid)
    assert is_clean(report)
    assert report["cpu_us"]["daemon"] > 0


def test_wrong_answers_are_failures(serve_with):
    path = serve_with(answering(lambda call: answer_line(call["id"], b"7")))
    report = run_load("--socket", path)
    assert report["calls"] == 0 and report["failures"] > 0 and report["starved"] == 1
    assert report["failure"].startswith("this is not the right answer: {")


def test_errors_are_failures(serve_with):
    path = serve_with(answering(
        lambda call: b'{"jsonrpc":"2.0","id":%d,"error":{"code":-32000}}\n' % call["id"]))
    report = run_load("--socket", path)
    assert report["calls"] == 0 and "-32000" in report["failure"]


def test_answers_that_nothing_waits_for_end_the_connection(serve_with):
    path = serve_with(answering(lambda call: answer_line(call["id"] + 1, b"1")))
    report = run_load("--socket", path)
    assert report["calls"] == 0 and report["failure"].startswith("a connection ended: ")


def test_connections_that_get_no_answer_are_starved(serve_with):
    def right(call):
        return answer_line(call["id"], b"%d" % sum(call["params"]))

    def talk(file, number):
        if number % 2 == 0:
            answering(right)(file, number)
        else:
            file.readall()

    report = run_load("--socket", serve_with(talk), "--connections", "6")
    assert report["calls"] > 0 and report["failures"] == 0 and report["starved"] == 3


def talk_http(body_of, status=b"200 OK"):
    def talk(file, number):
        try:
            while True:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    byte = file.read(1)
                    if not byte:
                        return
                    head += byte
                length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                              if line.lower().startswith(b"content-length"))
                call = json.loads(file.read(length))
                file.write(answer_http(body_of(call), status))
                if b"Connection: close" in head:
                    file.close()
                    return
        except OSError:
            pass
    return talk


@pytest.mark.parametrize("close", [[], ["--close"]])
def test_http_with_a_connection_that_stays_and_one_for_each_call(serve_with, close):
    report = run_load("--http", *close, "--connections", "3", "--socket",
                      serve_with(talk_http(lambda call: b"%d" % sum(call))))
    assert is_clean(report)


def test_http_statuses_are_failures(serve_with):
    report = run_load("--http", "--socket",
                      serve_with(talk_http(lambda call: b"%d" % sum(call), b"500 Oh")))
    assert report["calls"] == 0 and "500 Oh" in report["failure"]


ZMTP_GREETING = (b"\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL".ljust(64, b"\0")
                 + b"\4\x1c\5READY\x0bSocket-Type\0\0\0\6ROUTER")


def read_exactly(file, length):
    data = b""
    while len(data) < length:
        data += file.read(length - len(data)) or b""
    return data


def read_frame(file):
    """Flags and body; None: the client has left."""
    flags = file.read(1)
    if not flags:
        return None
    length = int.from_bytes(read_exactly(file, 8 if flags[0] & 2 else 1), "big")
    return flags[0], read_exactly(file, length)


def write_frame(file, flags, body):
    head = (bytes([flags, len(body)]) if len(body) < 256
            else bytes([flags | 2]) + len(body).to_bytes(8, "big"))
    file.write(head + body)


def talk_zeromq(result_of):
    """As libzmq does it: whoever asks before the greeting has come is thrown out."""
    def talk(file, number):
        assert read_exactly(file, 64).startswith(b"\xff\0\0\0\0\0\0\0\0\x7f\3\0NULL\0")
        flags, ready = read_frame(file)
        assert flags == 4 and ready == b"\5READY\x0bSocket-Type\0\0\0\6DEALER"
        file.write(ZMTP_GREETING[:70])
        file.write(ZMTP_GREETING[70:])
        try:
            while read_frame(file) == (1, b""):
                call = json.loads(read_frame(file)[1])
                write_frame(file, 4, b"\4PING\0\0")
                write_frame(file, 1, b"")
                write_frame(file, 0, answer_line(call["id"], result_of(call))[:-1])
        except OSError:
            pass
    return talk


@pytest.mark.parametrize("work, result_of", [
    ("add", lambda call: b"%d" % sum(call["params"])),
    ("echo:100K", lambda call: json.dumps(call["params"][1]).encode()),
])
def test_messages_of_zeromq(serve_with, work, result_of):
    report = run_load("--zeromq", "--work", work, "--connections", "2", "--depth", "3",
                      "--socket", serve_with(talk_zeromq(result_of)))
    assert is_clean(report)


def test_wrong_answers_in_messages_of_zeromq(serve_with):
    report = run_load("--zeromq", "--socket", serve_with(talk_zeromq(lambda call: b"7")))
    assert report["calls"] == 0 and report["failures"] > 0


@pytest.mark.parametrize("arguments, said", [
    ([], "wanted is one of"),
    (["--socket", "x", "--work", "sleep"], "this is no work"),
    (["--socket", "x", "--depth", "0"], "this is no number"),
    (["--socket", "x", "--http", "--depth", "2"], "HTTP goes one call at a time"),
    (["--socket", "x", "--close"], "only with --http"),
    (["--socket", "x", "--cpu", "daemon"], "this is no NAME=PID"),
    (["--socket", "x", "extra"], "wanted is one of"),
])
def test_wrong_arguments_are_told(arguments, said):
    done = subprocess.run([BUILD / "load", *arguments], capture_output=True, text=True)
    assert done.returncode == 64 and said in done.stderr


# The comparison. Others than jumpbootd and the limits need not be there; PATH hides them.
COMPARE = [BENCH / "run", "--build", os.path.relpath(BUILD.parents[1]), "--no-build",
           "--no-install", "--peers", "pipes,relay,uwsgi", "--scale", "0.2"]


@pytest.fixture
def compare(tmp_path):
    """Starts it with these arguments; what it starts in turn has the mark in its environment."""
    mark = "BENCH_TEST=%s" % tmp_path
    name, _, value = mark.partition("=")

    def start(*arguments):
        return subprocess.Popen([*COMPARE, "--output", tmp_path / "out", *arguments],
                                env={**os.environ, "PATH": "/nonexistent", name: value},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=heed_signals)

    start.mark = mark
    start.folder = tmp_path / "out"
    yield start
    wait_until(lambda: not processes_with(mark), "all that it started to end")


def test_a_comparison_writes_what_it_has_measured(compare):
    run = compare("--rounds", "1", "--cases", "add c8 d1 w2 free,burn:1ms c2")
    out, err = run.communicate(timeout=4 * DEADLINE)
    assert run.returncode == 0, err
    assert "uWSGI, keep-alive is left out: it is not installed" in out
    assert out == (compare.folder / "table.txt").read_text()
    results = json.loads((compare.folder / "results.json").read_text())
    assert set(results["left_out"]) == {"uwsgi"}
    samples = results["rounds"][0]
    assert {name: set(each) for name, each in samples.items()} == {
        "add c8 d1 w2 free": {"jumpbootd", "relay"},
        "add c8 d1 w2 free beside echo:10M": {"jumpbootd", "relay"},
        "burn:1ms c2 d1 w2 free": {"jumpbootd", "pipes", "relay"}}
    for each in samples.values():
        for sample in each.values():
            assert sample["calls"] > 0 and sample["failures"] == 0
            assert sample["cpu_us"]["workers"] > 0
    assert "alone" in samples["add c8 d1 w2 free beside echo:10M"]["jumpbootd"]
    assert results["summary"]["ratios"]["add c8 d1 w2 free"]["relay"]["count"] == 1


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_comparison_that_is_ended_takes_along_what_it_started(compare, number, status):
    run = compare("--rounds", "1000", "--cases", "add c8 d1 w2 free")
    wait_until(lambda: "measurements a round" in run.stderr.readline(), "the rounds to begin")
    assert len(processes_with(compare.mark)) > 1
    run.send_signal(number)
    run.communicate(timeout=DEADLINE)
    assert run.returncode == status and not compare.folder.exists()
