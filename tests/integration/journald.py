# SPDX-License-Identifier: MIT
"""journald, played by the test: a datagram socket, and what comes out of it as entries."""
import array
import os
import re
import select
import socket
import struct
import tempfile
from pathlib import Path

from harness import wait_until

EVENTS = dict(re.findall(
    r'^EVENT\((\w+),\s*"([0-9a-f]{32})"',
    (Path(__file__).resolve().parents[2] / "common" / "events.def").read_text(), re.M))

# Runs the daemon as a service manager would whose journal its stderr leads to.
_AS_SERVICE = ["sh", "-c", 'JOURNAL_STREAM=$(stat -L -c %d:%i /dev/fd/2) exec "$@"', "sh"]


def parse(data):
    """The fields of an entry in the journal's native form; each must stand there once."""
    fields = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (size,) = struct.unpack("<Q", data[:8])
            value, end, data = data[8:8 + size], data[8 + size:9 + size], data[9 + size:]
            assert len(value) == size and end == b"\n", data
        assert name.decode() not in fields, f"{name} comes twice"
        fields[name.decode()] = value.decode("utf-8", "backslashreplace")
    return fields


class Journald:
    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="journald-")
        self.path = os.path.join(self._folder.name, "socket")
        self.entries = []
        self.n_files = 0  # entries that came as one
        self._socket = None
        self.start()

    def start(self):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(self.path)

    def stop(self):
        """Its socket goes, and with it what it has not read."""
        self._socket.close()
        os.unlink(self.path)

    def close(self):
        self._socket.close()
        self._folder.cleanup()

    def read(self):
        """Takes what is there, and what comes while it is taken; all entries so far."""
        while select.select([self._socket], [], [], 0.005)[0]:
            data, ancillary, _, _ = self._socket.recvmsg(1 << 20, socket.CMSG_LEN(4))
            for _, _, content in ancillary:
                descriptors = array.array("i")
                descriptors.frombytes(content)
                with open(descriptors[0], "rb") as file:
                    file.seek(0)
                    data = file.read()
                self.n_files += 1
            self.entries.append(parse(data))
        return self.entries

    def find(self, text=None, **fields):
        """The entries so far in whose message the text stands, and that have these fields."""
        return [entry for entry in self.read()
                if (text is None or text in entry["MESSAGE"])
                and all(entry.get(name) == value for name, value in fields.items())]

    def wait(self, text=None, count=1, **fields):
        wait_until(lambda: len(self.find(text, **fields)) >= count,
                   f"{count} entries with {text!r}, {fields}")
        return self.find(text, **fields)

    def event(self, name):
        """Waits for an event; its first entry."""
        return self.wait(MESSAGE_ID=EVENTS[name])[0]

    def options(self):
        """What a Daemon needs to log here."""
        return {"wrapper": _AS_SERVICE,
                "environment": {"JUMPBOOT_JOURNAL_SOCKET": self.path}}
