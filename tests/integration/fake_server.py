# SPDX-License-Identifier: MIT
"""A daemon that says what a test wants: for answers that a real one does not give on demand."""
import json
import socket
import threading


# What a daemon tells of itself.
STATUS = {
    "version": "0.1.0", "pid": 4711, "uptime": 7384.2, "listen": "/run/x.sock",
    "clients": 3, "requests_in_flight": 2, "buffered": 12288,
    "programs": {
        "calc": {
            "program_set": "examples", "state": "ready", "last_error": None,
            "workers": {"starting": 0, "idle": 2, "busy": 1, "stopping": 0, "max": 4, "min": 1},
            "queue": {"length": 0, "max": 1000, "high_water": 3},
            "requests": {"ok": 12, "exception": 1, "timeout": 2},
            "deaths": 3, "death_causes": {"exit": 1, "fault": 2},
            "fates": {"interrupted": 2, "terminated": 1, "killed": 0},
            "starts": 6, "respawns": 3, "start_failures": 0, "maximum_reached": 7,
            "recycled": {"max_requests": 1},
            "last_renewal": {"ok": False, "ago": 75, "good": 1, "failed": 1,
                             "error": {"exception": "ImportError", "message": "No module"}},
            "options": {"start_method": "spawn", "min_workers": 1, "max_workers": 4,
                        "startup_timeout": "30s", "idle_timeout": "1m", "request_timeout": "30s"},
            "queue_wait": {"count": 15, "p50": 0, "p90": 1.2e-5, "p99": 3e-5, "max": 3.1e-5,
                           "total": 1e-3, "recent": {"count": 0}},
            "run_time": {"count": 15, "p50": 1.13e-4, "p90": 8.12e-4, "p99": 1.2e-3, "max": 10.0,
                         "total": 11.2, "recent": {"count": 0}},
        },
        "thumbnails": {
            "program_set": "imaging", "state": "unavailable",
            "last_error": {"exception": "ImportError", "message": "No module named 'x'"},
            "workers": {"starting": 1, "idle": 0, "busy": 0, "stopping": 0, "max": 8, "min": 2},
            "queue": {"length": 7, "max": 1000, "high_water": 9},
            "requests": {"ok": 0, "unavailable": 105},
            "deaths": 0, "starts": 9, "start_failures": 9,
        },
    },
}


class FakeServer:
    """Listens on path and gives each request to answer(), in a thread of its own.

    answer(request) returns the bytes to send, or None to close the connection; which is closed
    after `close_after` answers, too.
    """

    def __init__(self, path, answer, close_after=None):
        self.path = str(path)
        self.requests = []
        self._answer = answer
        self._close_after = close_after
        self._connections = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for end in [self._listener, *self._connections]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        self._thread.join()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            try:
                self._serve(connection)
            except OSError:
                pass
            connection.close()

    def _serve(self, connection):
        for count, line in enumerate(connection.makefile("rb"), 1):
            request = json.loads(line)
            self.requests.append(request)
            answer = self._answer(request)
            if answer is None:
                return
            connection.sendall(answer)
            if count == self._close_after:
                return


def result(value):
    """An answer function: each request gets this result."""
    return lambda request: line({"jsonrpc": "2.0", "id": request["id"], "result": value})


def raw_result(text):
    """The same, for a result that is given as JSON text."""
    return lambda request: b'{"jsonrpc":"2.0","id":%d,"result":%s}\n' % (
        request["id"], text.encode())


def error(code, message, **data):
    """An answer function: each request gets this error."""
    return lambda request: line({
        "jsonrpc": "2.0",
        "id": request["id"],
        "error": {"code": code, "message": message, "data": data},
    })


def line(message):
    return json.dumps(message).encode() + b"\n"
