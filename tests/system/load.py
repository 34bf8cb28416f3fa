#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""load.py SOCKET METHOD PARAMS CLIENTS CALLS: CLIENTS clients call the method, one call after the
other, each on a connection that it makes anew after CALLS calls (0: only when it was closed).

Writes "running" once each has had an answer. When the input ends, each waits for the answer that it
is owed; then the counts are written, as JSON:

answered   results
errors     errors, by their kind
refused    connections that could not be made, by the name of the error
lost       requests whose connection ended without an answer
"""
import collections
import errno
import json
import socket
import sys
import threading

from crowd import DEADLINE, run


class Counts:
    def __init__(self):
        self.lock = threading.Lock()
        self.answered = 0
        self.lost = 0
        self.errors = collections.Counter()
        self.refused = collections.Counter()

    def count_answer(self, answer):
        with self.lock:
            if "error" in answer:
                self.errors[answer["error"]["data"]["kind"]] += 1
            else:
                self.answered += 1

    def count_refusal(self, error):
        with self.lock:
            self.refused[errno.errorcode[error.errno]] += 1

    def count_loss(self):
        with self.lock:
            self.lost += 1


class LoadClient(threading.Thread):
    def __init__(self, path, method, params, calls_per_connection, counts, stopping):
        super().__init__(daemon=True)
        self.path = path
        self.request = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            self.request["params"] = params
        self.calls_per_connection = calls_per_connection
        self.counts = counts
        self.stopping = stopping
        self.has_answer = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            self.use_connection()

    def use_connection(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE)
            try:
                connection.connect(self.path)
            except OSError as error:
                self.counts.count_refusal(error)
                self.stopping.wait(0.005)  # or it would do nothing but ask
                return
            with connection.makefile("rwb") as lines:
                self.call_often(lines)

    def call_often(self, lines):
        n = 0
        while not self.stopping.is_set() and (n < self.calls_per_connection or n == 0
                                              or not self.calls_per_connection):
            n += 1
            line = self.exchange(lines, {**self.request, "id": n})
            if not line:
                self.counts.count_loss()
                return
            self.counts.count_answer(json.loads(line))
            self.has_answer.set()

    @staticmethod
    def exchange(lines, request):
        """The line that answers; empty if the connection ended instead."""
        try:
            lines.write(json.dumps(request).encode() + b"\n")
            lines.flush()
            return lines.readline()
        except OSError:
            return b""


def main():
    path, method, params, n_clients, calls_per_connection = sys.argv[1:]
    counts, stopping = Counts(), threading.Event()
    clients = [
        LoadClient(path, method, json.loads(params), int(calls_per_connection), counts, stopping)
        for _ in range(int(n_clients))
    ]
    run(clients, stopping)
    del counts.lock
    print(json.dumps(vars(counts)))


main()
