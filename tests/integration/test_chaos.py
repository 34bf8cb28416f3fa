# SPDX-License-Identifier: MIT
"""Everything at once: eight clients and three programs, while workers are killed and stopped,
functions hang, crash, print, return much and call each other, configs are read anew, good ones and bad ones, and
clients vanish and cancel.

At the end every request of every client that stayed has had exactly one answer, its own, of a kind
that it may have; and the daemon is back where it was. What is done follows from a seed, which is
printed; JUMPBOOT_CHAOS_SEED repeats it, JUMPBOOT_CHAOS_REQUESTS says how many requests there are.
"""
import collections
import json
import os
import random
import re
import select
import signal
import socket
import time

from harness import (DEADLINE, KIND_OF_CODE, children_of, connect_socket, is_instrumented,
                     process_stat, resident_kilobytes)

SEED = int(os.environ.get("JUMPBOOT_CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
REQUESTS = int(os.environ.get("JUMPBOOT_CHAOS_REQUESTS", "200000"))
CLIENTS = 8
IN_FLIGHT = 48  # of one client, usually
SHARE = 64  # max_client_requests
ACT_EVERY = 500  # requests, on average

FUNCTIONS = """
import asyncio
import os
import signal
import sys
import time
import jumpboot

def answer(token):
    return token

def blank(token, size):
    return [token, "x" * size]

def say(token):
    print("to stdout:", token)
    print("to stderr:", token, file=sys.stderr)
    return token

def fail(token):
    raise ValueError(token)

def relay(token, *methods):
    try:
        return jumpboot.call(methods[0], token, *methods[1:])
    except jumpboot.CallError:
        raise ValueError(token) from None

def doze(token, seconds):
    time.sleep(seconds)
    return token

def hang(token):
    while True:
        time.sleep(1000)

def spin(token):
    while True:
        pass

def be_deaf(token):
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
    hang(token)

def leave(token, status):
    os._exit(status)

def be_hit(token, number):
    os.kill(os.getpid(), number)
    return token
"""

# The same functions, awaited in the worker's loop. relay() calls the first of the methods with the
# others, and so on; the last one gets the token alone.
ASYNC_FUNCTIONS = re.sub(r"(?m)^def ", "async def ", FUNCTIONS).replace(
    "time.sleep(", "await asyncio.sleep(").replace(
    "jumpboot.call(", "await jumpboot.acall(").replace("    hang(token)", "    await hang(token)")

PROGRAMS = ["spawned", "forked", "awaited"]

# How often (of 10,000), the function, and how it may end besides the ways that all may: worker_died
# and timeout (its worker was killed or stopped), and cancelled if it was.
PLENTY = 10000
KINDS = [
    # weight, function, its result is its own; error kinds of its own doing
    (150, "blank", True, ()),
    (50, "say", True, ()),
    (60, "fail", False, ("exception",)),
    (100, "relay", True, ("exception",)),
    (40, "doze", True, ()),
    (14, "hang", False, ()),
    (4, "spin", False, ()),
    (3, "be_deaf", False, ()),
    (8, "leave", False, ()),
    (12, "be_hit", True, ()),
    (20, "missing", False, ("method_not_found",)),
]
FATAL = [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP]


class Expected:
    """What a request may be answered with."""

    __slots__ = ("token", "has_result", "kinds")

    def __init__(self, token, has_result, kinds):
        self.token = token
        self.has_result = has_result
        self.kinds = {"worker_died", "timeout", *kinds}


class Talker:
    """One client: what it sends follows from its generator, whatever comes back and when."""

    def __init__(self, name, path, budget):
        self.generator = random.Random(f"{SEED} {name}")
        self.name = name
        self.path = path
        self.left = budget  # requests still to be made
        self.made = 0
        self.outcomes = collections.Counter()
        self.to_cancel = []  # (when as many requests are made, id)
        self.connect()

    # The connection.

    def connect(self):
        self.socket = connect_socket(self.path)
        self.socket.setblocking(False)
        self.to_send = bytearray()
        self.received = bytearray()
        self.expected = {}
        self.to_cancel.clear()
        self.limit = self.generator.choice([IN_FLIGHT, IN_FLIGHT, 2 * SHARE])
        self.is_closing = False

    def vanish(self):
        """Goes, with whatever is under way, and comes back as somebody else."""
        self.socket.close()
        self.connect()

    def half_close(self):
        """Has said all; is answered to the end."""
        self.is_closing = True

    def is_done(self):
        return not (self.left or self.expected or self.to_send or self.is_closing)

    # Requests.

    def pick(self):
        number = self.generator.randrange(PLENTY)
        for kind in KINDS:
            number -= kind[0]
            if number < 0:
                return kind
        return (0, "answer", True, ())

    def a_request(self):
        generator = self.generator
        _, function, has_result, kinds = self.pick()
        self.left -= 1
        self.made += 1
        token = f"{self.name}/{self.made}"
        params = [token]
        request = {"jsonrpc": "2.0", "id": self.made,
                   "method": f"{generator.choice(PROGRAMS)}.{function}", "params": params}
        if function == "blank":
            params.append(generator.choice([100, 5000, 200000]))
        elif function == "relay":
            params += [f"{generator.choice(PROGRAMS)}.relay"
                       for _ in range(generator.randrange(4))]
            params.append(f"{generator.choice(PROGRAMS)}.answer")
        elif function == "doze":
            params.append(generator.random() / 50)
        elif function == "leave":
            params.append(generator.choice([0, 1, 77]))
        elif function == "be_hit":
            params.append(int(generator.choice(FATAL)))
            request["timeout"] = 0.5
        elif function in ("hang", "spin", "be_deaf"):
            request["timeout"] = generator.choice([0.02, 0.1, 0.2])
        expected = self.expected[self.made] = Expected(token, has_result, kinds)
        if generator.random() < (0.3 if "timeout" in request else 0.01):
            expected.kinds.add("cancelled")
            self.to_cancel.append((self.made + generator.choice([0, 0, 3, 20]), self.made))
        return request

    def a_line(self):
        number = self.generator.randrange(PLENTY)
        if number < 50:
            count = self.generator.randrange(1, 9)
            message = [self.a_request() for _ in range(min(count, self.left))]
        elif number < 150:
            message = {"jsonrpc": "2.0", "params": ["nobody hears"],
                       "method": f"{self.generator.choice(PROGRAMS)}.answer"}
        else:
            message = self.a_request()
        return json.dumps(message).encode() + b"\n"

    def a_cancel(self, identity):
        identity = json.dumps(identity).encode()
        return (b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":' + identity
                + b"}}\n")

    def prepare(self):
        """Makes as many requests as may be under way; returns how many."""
        before = self.made
        while self.left and not self.is_closing and len(self.expected) < self.limit:
            self.to_send += self.a_line()
            due = [identity for when, identity in self.to_cancel if when <= self.made]
            self.to_cancel = [item for item in self.to_cancel if item[0] > self.made]
            for identity in due:
                self.to_send += self.a_cancel(identity)
        return self.made - before

    # Answers.

    def write(self):
        if self.to_send:
            del self.to_send[:self.socket.send(self.to_send)]
        if self.is_closing and not self.to_send:
            self.socket.shutdown(socket.SHUT_WR)

    def read(self):
        """Returns how many answers there were."""
        data = self.socket.recv(1 << 20)
        if not data:
            assert self.is_closing, f"{self.name}: the daemon closed the connection"
            assert not self.expected, f"{self.name}: closed before all was answered: {self.show()}"
            self.socket.close()
            self.connect()
            return 0
        self.received += data
        *lines, rest = bytes(self.received).split(b"\n") if b"\n" in data else (self.received,)
        self.received = bytearray(rest)
        count = 0
        for line in lines:
            answers = json.loads(line)
            for answer in answers if isinstance(answers, list) else [answers]:
                self.take(answer)
                count += 1
        return count

    def take(self, answer):
        expected = self.expected.pop(answer["id"], None)
        assert expected, f"{self.name}: answered twice, or never asked: {str(answer)[:500]}"
        if "error" not in answer:
            result = answer["result"]
            own = result[0] if isinstance(result, list) else result
            assert expected.has_result and own == expected.token, (expected.token, answer)
            self.outcomes["ok"] += 1
            return
        error = answer["error"]
        kind = KIND_OF_CODE[error["code"]]
        assert kind == error["data"]["kind"], error
        assert kind in expected.kinds, f"{expected.token}, {expected.kinds}: {str(error)[:2000]}"
        if kind == "exception":
            assert error["data"]["message"] == expected.token, (expected.token, error)
        self.outcomes[kind] += 1

    def show(self):
        return [expected.token for expected in self.expected.values()][:10]


class Chaos:
    """What happens to the daemon, its workers and its clients meanwhile."""

    def __init__(self, daemon, talkers):
        self.generator = random.Random(f"{SEED} chaos")
        self.daemon = daemon
        self.talkers = talkers
        self.config = daemon.directory / "tests.conf"
        self.good = self.config.read_text()
        self.done = collections.Counter()
        self.next_at = ACT_EVERY
        self.made = 0

    def go_on(self, made):
        self.made += made
        while self.made >= self.next_at:
            self.next_at += self.generator.randrange(1, 2 * ACT_EVERY)
            self.act()

    def act(self):
        action = self.generator.choice(
            [self.kill] * 12 + [self.vanish] * 4 + [self.close] * 2 + [self.reload])
        self.done[action.__name__] += 1
        action()

    def kill(self):
        """A child of the daemon's, whatever it does just now."""
        number, place = self.generator.choice(FATAL), self.generator.random()
        children = children_of(self.daemon.pid)
        if children:
            hit(children[int(place * len(children))], number)

    def reload(self):
        """The config is as it was, or has changed for one program, or is wrong."""
        how, mark = self.generator.randrange(3), self.generator.randrange(1000)
        if how == 0:
            self.write_config(self.good[:len(self.good) // 2])
        elif how == 1:
            self.write_config(self.good)
        else:
            self.write_config(self.good.replace("import asyncio", f"mark = {mark}", 1))

    def write_config(self, text):
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.replace(self.config)
        self.daemon.process.send_signal(signal.SIGHUP)

    def vanish(self):
        self.generator.choice(self.talkers).vanish()

    def close(self):
        talker = self.generator.choice(self.talkers)
        if not talker.is_closing:
            talker.half_close()


def hit(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it was about to end anyway


def talk(talkers, chaos):
    """Until each has said all and has been answered all."""
    end = time.monotonic() + DEADLINE
    while pending := [talker for talker in talkers if not talker.is_done()]:
        assert time.monotonic() < end, (
            f"seed {SEED}: nothing was answered for {DEADLINE:.0f} s; missing: "
            f"{[talker.show() for talker in pending]}")
        chaos.go_on(sum(talker.prepare() for talker in pending))
        by_socket = {talker.socket: talker for talker in pending}
        writers = [talker.socket for talker in pending if talker.to_send or talker.is_closing]
        readable, writable, _ = select.select(list(by_socket), writers, [], 1)
        for ready in writable:
            by_socket[ready].write()
        if sum(by_socket[ready].read() for ready in readable):
            end = time.monotonic() + DEADLINE


def zombies_of(pid):
    return [int(entry) for entry in os.listdir("/proc")
            if entry.isdigit() and process_stat(int(entry)) == ("Z", pid)]


def program(functions, **options):
    return {"main": {"source": functions}, "min_workers": 2, "max_workers": 2,
            "max_queue_size": 10000, "restart_threshold": 1000, "restart_interval": "1s",
            "request_timeout": "1s", "startup_timeout": "3s",
            "interrupt_timeout": "100ms", "terminate_timeout": "200ms", **options}


def test_chaos(start_daemon):
    print(f"JUMPBOOT_CHAOS_SEED={SEED} JUMPBOOT_CHAOS_REQUESTS={REQUESTS}")
    daemon = start_daemon(
        {"spawned": program(FUNCTIONS, on_disconnect="interrupt"),
         "forked": program(FUNCTIONS, start_method="forkserver"),
         "awaited": program(ASYNC_FUNCTIONS)},
        server={"max_client_requests": SHARE, "log_level": "error"},
    )
    memory = resident_kilobytes(daemon.pid)
    budget = -(-REQUESTS // CLIENTS)
    talkers = [Talker(f"client{number}", daemon.socket_path, budget) for number in range(CLIENTS)]
    chaos = Chaos(daemon, talkers)
    talk(talkers, chaos)

    for talker in talkers:
        assert not select.select([talker.socket], [], [], 0)[0], "an answer too many"
        talker.socket.close()
    outcomes = sum((talker.outcomes for talker in talkers), collections.Counter())
    print(dict(outcomes), dict(chaos.done))
    assert sum(talker.made for talker in talkers) >= REQUESTS
    assert outcomes["ok"] > sum(outcomes.values()) * 0.5, outcomes

    chaos.write_config(chaos.good)
    for pid in children_of(daemon.pid):
        hit(pid, signal.SIGCONT)
    for name in PROGRAMS:
        assert daemon.call(f"{name}.answer", ["still there"]) == "still there"
    daemon.call("jumpbootd.restart", {"program": "forked"})  # its template may have been hit last
    daemon.assert_quiescent()
    daemon.wait_for(lambda: not zombies_of(daemon.pid), "the last zombie to be reaped")
    if not is_instrumented():
        assert resident_kilobytes(daemon.pid) < memory + 32 * 1024
