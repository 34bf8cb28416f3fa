# SPDX-License-Identifier: MIT
"""A client of the Debug Adapter Protocol, as an editor is one: requests, their responses, events."""
import contextlib
import itertools
import json
import socket
import subprocess

from harness import DEADLINE, PYTHON, wait_until

no_debugpy = subprocess.run([PYTHON, "-c", "import debugpy"], stderr=subprocess.DEVNULL).returncode


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class DapError(Exception):
    """A request that failed."""


class DapClient:
    """One debugging session. Events that nobody has asked for yet are kept."""

    def __init__(self, port=None, connection=None):
        """By port, or by a socket that leads to the debugger."""
        self._socket = connection or wait_until(
            lambda: self._try_connect(port), f"the debugger on port {port}")
        self._socket.settimeout(DEADLINE)
        self._file = self._socket.makefile("rb")
        self._serial = itertools.count(1)
        self.events = []
        self._responses = {}

    @staticmethod
    def _try_connect(port):
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port), DEADLINE)

    def close(self):
        self._file.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _receive(self):
        length = None
        while (line := self._file.readline()) != b"\r\n":
            assert line, "the debugger has closed the connection"
            name, _, value = line.partition(b":")
            if name == b"Content-Length":
                length = int(value)
        return json.loads(self._file.read(length))

    def send(self, command, **arguments):
        """Sends a request; its number."""
        serial = next(self._serial)
        data = json.dumps({"seq": serial, "type": "request", "command": command,
                           "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        return serial

    def _take(self):
        """Receives one message, and keeps it."""
        message = self._receive()
        if message["type"] == "event":
            self.events.append(message)
        elif message["type"] == "response":
            self._responses[message["request_seq"]] = message

    def response(self, serial):
        """The body of the response to a request."""
        while serial not in self._responses:
            self._take()
        message = self._responses.pop(serial)
        if not message["success"]:
            raise DapError(message.get("message"))
        return message.get("body")

    def request(self, command, **arguments):
        return self.response(self.send(command, **arguments))

    def event(self, name):
        """The body of the next event of this name, whatever others there are."""
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event.get("body")
            self._take()

    # What an editor does.

    def attach(self, breakpoints=None, **options):
        """Attaches, sets breakpoints, {path or source: [line…]}, and lets the program go on."""
        self.request("initialize", adapterID="test", linesStartAt1=True, columnsStartAt1=True,
                     pathFormat="path")
        attaching = self.send("attach", **options)
        self.event("initialized")
        found = {}
        for path, lines in (breakpoints or {}).items():
            found[path] = self.set_breakpoints({"path": str(path)}, *lines)
        self.request("configurationDone")
        self.response(attaching)
        return found

    def set_breakpoints(self, source, *lines):
        body = self.request("setBreakpoints", source=source,
                            breakpoints=[{"line": line} for line in lines])
        return body["breakpoints"]

    def stopped(self):
        """Waits until the program stops: the reason, and the frames of the thread."""
        body = self.event("stopped")
        self.thread = body["threadId"]
        frames = self.request("stackTrace", threadId=self.thread)["stackFrames"]
        return body["reason"], frames

    def variables(self, frame):
        """The local variables of a frame, as text."""
        scopes = self.request("scopes", frameId=frame["id"])["scopes"]
        reference = next(s["variablesReference"] for s in scopes if s["name"] == "Locals")
        found = self.request("variables", variablesReference=reference)["variables"]
        return {variable["name"]: variable["value"] for variable in found}

    def go_on(self):
        self.request("continue", threadId=self.thread)

    def step(self, how="next"):
        """Steps (next, stepIn, stepOut): where it has stopped then."""
        self.request(how, threadId=self.thread)
        return self.stopped()
