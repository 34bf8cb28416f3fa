#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""counting.py SOCKET METHOD CLIENTS DEPTH: CLIENTS clients call a method that gives its argument
back, each with up to DEPTH requests under way, and know of each request what became of it.

No number is asked twice, but for what the daemon has surely not read: of such a request not all could
be written. Writes "running" once each client has had an answer. When the input ends, each waits for
what it is owed; then the counts are written, as JSON:

answered     numbers that came back as they were
wrong        answers with another number, or to no request, or a second one to the same
errors       errors, by their kind
refused      connections that could not be made, by the name of the error
unanswered   requests that were written to their end, and whose connection ended without an answer
repeated     requests that could not be written, and were asked again
connections  how many were made
"""
import collections
import errno
import itertools
import json
import select
import socket
import sys
import threading

from crowd import DEADLINE, run


class Counts:
    def __init__(self):
        self.lock = threading.Lock()
        self.values = collections.Counter()
        self.errors = collections.Counter()
        self.refused = collections.Counter()

    def count(self, name, n=1):
        with self.lock:
            self.values[name] += n

    def as_json(self):
        names = ("answered", "wrong", "unanswered", "repeated", "connections")
        return json.dumps({**{name: self.values[name] for name in names},
                           "errors": self.errors, "refused": self.refused})


class CountingClient(threading.Thread):
    numbers = itertools.count(1)

    def __init__(self, path, method, depth, counts, stopping):
        super().__init__(daemon=True)
        self.path, self.method, self.depth = path, method, depth
        self.counts, self.stopping = counts, stopping
        self.has_answer = threading.Event()
        self.again = []  # numbers that were not taken

    def run(self):
        while not self.stopping.is_set() or self.again:
            self.use_connection()

    def use_connection(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE)
            try:
                connection.connect(self.path)
            except OSError as error:
                with self.counts.lock:
                    self.counts.refused[errno.errorcode[error.errno]] += 1
                self.stopping.wait(0.005)  # or it would do nothing but ask
                return
            self.counts.count("connections")
            Connection(self, connection).use()

    def next_number(self):
        if self.again:
            return self.again.pop()
        return None if self.stopping.is_set() else next(self.numbers)


class Connection:
    def __init__(self, client, connection):
        self.client, self.counts = client, client.counts
        self.socket = connection
        self.awaited = set()
        self.is_cut = False  # a part of a request was written: that one is answered as no JSON
        self.can_write = True
        self.received = b""

    def use(self):
        while self.fill() and self.receive():
            pass
        self.counts.count("unanswered", len(self.awaited))

    def fill(self):
        """Writes as many as may be under way. False: there is nothing to wait for."""
        while self.can_write and len(self.awaited) < self.client.depth:
            number = self.client.next_number()
            if number is None:
                break
            if self.write(number):
                self.awaited.add(number)
            else:
                self.client.again.append(number)
                self.counts.count("repeated")
        # The daemon closes what it reads no more, once all is answered.
        return bool(self.awaited) or not self.can_write

    def write(self, number):
        line = json.dumps({"jsonrpc": "2.0", "id": number, "method": self.client.method,
                           "params": [number]}).encode() + b"\n"
        while line:
            try:
                line = line[self.socket.send(line):]
            except OSError as error:
                if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                    raise
                self.can_write = False
                self.is_cut = True
                return line == b"\n"  # the end of the connection ends a line, too
        return True

    def receive(self):
        """Takes what has come. False: the connection has ended."""
        if not select.select([self.socket], [], [], DEADLINE)[0]:
            sys.exit(f"counting.py: no answer for {DEADLINE:.0f} s")
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        *lines, self.received = (self.received + data).split(b"\n")
        for line in lines:
            self.take(json.loads(line))
        return bool(data)

    def take(self, answer):
        number = answer["id"]
        if number is None and self.is_cut and answer["error"]["code"] == -32700:
            self.is_cut = False
        elif number not in self.awaited:
            self.counts.count("wrong")
        elif "error" in answer:
            with self.counts.lock:
                self.counts.errors[answer["error"]["data"]["kind"]] += 1
            self.awaited.remove(number)
        else:
            self.counts.count("answered" if answer["result"] == number else "wrong")
            self.awaited.remove(number)
            self.client.has_answer.set()


def main():
    path, method, n_clients, depth = sys.argv[1:]
    counts, stopping = Counts(), threading.Event()
    clients = [
        CountingClient(path, method, int(depth), counts, stopping) for _ in range(int(n_clients))
    ]
    run(clients, stopping)
    print(counts.as_json())


main()
