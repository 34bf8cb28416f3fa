# SPDX-License-Identifier: MIT
"""Calls of the daemon in lockstep: all calls of a batch are there before the daemon sees the first
one, and all of them are answered before the next batch begins. So every run costs it the same."""
import os
import signal
import socket
import time

from harness import DEADLINE, connect_socket, process_stat

FIRST_NUMBER = 100000  # all numbers are of one length, and so are all lines


class Connection:
    """One client. Its calls have numbers for ids."""

    def __init__(self, path):
        self.socket = connect_socket(path)
        # The largest batch must fit, for nobody reads while it is written.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)

    def send(self, lines):
        self.socket.sendall(lines)

    def take(self, count):
        """Reads so many answers, which must all be results."""
        received = bytearray()
        while received.count(b"\n") < count:
            chunk = self.socket.recv(1 << 20)
            assert chunk, "the daemon has closed a connection"
            received += chunk
        wrong = [line for line in received.splitlines() if b'"result":' not in line[:64]]
        assert not wrong, f"no result: {wrong[0][:300]!r}"
        assert received.endswith(b"\n") and received.count(b"\n") == count


class Lockstep:
    """What keeps step with one daemon."""

    def __init__(self, daemon):
        self.daemon = daemon
        self._number = FIRST_NUMBER
        self._control = Connection(daemon.socket_path)

    def connect(self, count):
        return [Connection(self.daemon.socket_path) for _ in range(count)]

    def lines(self, count, method, *tail):
        """So many calls, each with its number and the given texts for arguments."""
        lines = []
        for _ in range(count):
            self._number += 1
            params = b",".join([b"%d" % self._number, *tail])
            lines.append(b'{"jsonrpc":"2.0","id":%d,"method":"%s","params":[%s]}\n'
                         % (self._number, method, params))
        return b"".join(lines)

    def wait_idle(self):
        """Returns once the daemon has nothing left to do, and sleeps."""
        end = time.monotonic() + DEADLINE
        while process_stat(self.daemon.pid)[0] != "S":
            assert time.monotonic() < end, "the daemon does not come to rest"
            os.sched_yield()

    def batch(self, connections, depth, method, *tail):
        """So many calls on each connection, and their answers."""
        lines = [self.lines(depth, method, *tail) for _ in connections]
        self.wait_idle()
        if len(connections) > 1:  # else one write brings all of it at once
            os.kill(self.daemon.pid, signal.SIGSTOP)
        for connection, some in zip(connections, lines):
            connection.send(some)
        if len(connections) > 1:
            os.kill(self.daemon.pid, signal.SIGCONT)
        for connection in connections:
            connection.take(depth)

    def mark(self, name):
        """A ping, whose trace meters look for."""
        self.wait_idle()
        self._control.send(b'{"jsonrpc":"2.0","id":"%s","method":"jumpbootd.ping"}\n'
                           % name.encode())
        self._control.take(1)
        self.wait_idle()
