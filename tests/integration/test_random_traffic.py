# SPDX-License-Identifier: MIT
"""Random traffic of many clients at once: each request with an id gets exactly one answer, its own.

The traffic follows from a seed (JUMPBOOT_SEED to try another), so that a failure can be had again.
"""
import json
import os
import random
import select
import time

import pytest
from harness import DEADLINE, KIND_OF_CODE

PROGRAM = """
import os

def echo(value=None):
    return value

def blank(size):
    return "x" * size

def fail(text):
    raise ValueError(text)

def leave(status):
    os._exit(status)
"""

SEED = int(os.environ.get("JUMPBOOT_SEED", "20240229"))


class Talker:
    """A client that sends what it has prepared in random pieces, and reads as it comes."""

    def __init__(self, generator, client, length):
        self.generator = generator
        self.socket = client.socket
        self.socket.setblocking(False)
        self.to_send = bytearray()
        self.received = bytearray()
        self.expected = {}  # id → (what the result must be, the error kinds that will do as well)
        self.anonymous = 0  # errors with id null that must come
        self.next_id = 1
        self.at_end = False
        for _ in range(length):
            self.prepare()

    def prepare(self):
        prepare = self.generator.choice(
            [self.a_call] * 12 + [self.a_batch, self.garbage, self.a_notification, self.blank_line]
        )
        self.to_send += prepare() + b"\n"

    def a_request(self):
        """A request and, noted, what it may be answered."""
        identity, self.next_id = self.next_id, self.next_id + 1
        kind = self.generator.randrange(20)
        value, kinds = None, {"worker_died"}
        if kind == 0:
            method, params, kinds = "leave", [3], {"worker_died"}
        elif kind == 1:
            method, params, kinds = "fail", ["on purpose"], {"exception", "worker_died"}
        elif kind == 2:
            method, params, kinds = "missing", [], {"method_not_found", "worker_died"}
        elif kind == 3:
            method, params, kinds = "echo", [1, 2], {"invalid_params", "worker_died"}
        elif kind == 4:
            size = self.generator.randrange(300000)
            method, params, value = "blank", [size], "x" * size
        else:
            value = self.generator.choice(
                [identity, "é\n\u2028" * self.generator.randrange(2000), {"id": identity}, [[]]]
            )
            method, params = "echo", {"value": value}
        self.expected[identity] = (value, kinds)
        return {"jsonrpc": "2.0", "id": identity, "method": f"app.{method}", "params": params}

    def a_call(self):
        escape = self.generator.random() < 0.5
        return json.dumps(self.a_request(), ensure_ascii=escape).encode()

    def a_batch(self):
        count = self.generator.randrange(1, 20)
        return json.dumps([self.a_request() for _ in range(count)]).encode()

    def a_notification(self):
        return b'{"jsonrpc":"2.0","method":"app.echo","params":["nobody hears"]}'

    def blank_line(self):
        return b" " * self.generator.randrange(3)

    def garbage(self):
        self.anonymous += 1
        return b"]" + self.generator.randbytes(self.generator.randrange(2000)).replace(b"\n", b"")

    def write(self):
        size = self.generator.choice([1, 7, 100, 5000, 100000])
        sent = self.socket.send(self.to_send[:size])
        del self.to_send[:sent]

    def read(self):
        data = self.socket.recv(self.generator.choice([100, 65536, 1 << 20]))
        self.at_end = not data
        self.received += data
        while b"\n" in self.received:
            line, _, rest = bytes(self.received).partition(b"\n")
            self.received[:] = rest
            answers = json.loads(line)
            for answer in answers if isinstance(answers, list) else [answers]:
                self.take(answer)

    def take(self, answer):
        if answer["id"] is None:
            assert answer["error"]["code"] == -32700, answer
            self.anonymous -= 1
            assert self.anonymous >= 0, "more parse errors than broken lines"
            return
        assert answer["id"] in self.expected, f"answered twice, or never asked: {answer}"
        value, kinds = self.expected.pop(answer["id"])
        if "error" in answer:
            assert KIND_OF_CODE[answer["error"]["code"]] in kinds, answer
        else:
            assert answer["result"] == value

    def is_done(self):
        return not self.to_send and not self.expected and not self.anonymous


def talk(talkers):
    """Lets all of them write and read until each has got what it is due."""
    end = time.monotonic() + 2 * DEADLINE
    while pending := [talker for talker in talkers if not talker.is_done()]:
        assert time.monotonic() < end, [talker.expected for talker in pending]
        by_socket = {talker.socket: talker for talker in pending}
        writers = [talker.socket for talker in pending if talker.to_send]
        readable, writable, _ = select.select(list(by_socket), writers, [], 1)
        for ready in readable:
            by_socket[ready].read()
            assert not by_socket[ready].at_end, "the daemon closed the connection"
        for ready in writable:
            by_socket[ready].write()


@pytest.mark.parametrize("seed", range(SEED, SEED + 2))
def test_every_request_is_answered_once(start_daemon, seed):
    generator = random.Random(seed)
    daemon = start_daemon(
        {"app": {"main": {"source": PROGRAM}, "min_workers": 2, "max_workers": 2,
                 "max_queue_size": 10000, "restart_threshold": 1000}},
    )
    talkers = [Talker(generator, daemon.connect(), 60) for _ in range(20)]
    leavers = [Talker(generator, daemon.connect(), 30) for _ in range(10)]
    for leaver in leavers:  # send something, read nothing, and go in the midst of it
        for _ in range(generator.randrange(10)):
            leaver.write()
        leaver.socket.close()
    talk(talkers)
    for talker in talkers:
        assert not select.select([talker.socket], [], [], 0)[0], "an answer too many"
