# SPDX-License-Identifier: MIT
"""A daemon that says what a test wants: for answers that a real one does not give on demand."""
import json
import socket
import threading


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
