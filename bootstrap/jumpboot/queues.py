# SPDX-License-Identifier: MIT
"""JSONQueue: messages over two pipes, as in the Go library Jumpboot."""
import json

from . import own_loop as worker_pipes
from .encode import encode
from .lines import Limit, LineReader, LineWriter, descriptor_of


class _Foreign:
    """Two pipes that are not the worker's: whatever is put goes out as it is."""

    def __init__(self, read_fd, write_fd):
        self.reader = LineReader(read_fd)
        self.writer = LineWriter(write_fd)

    def get(self, limit):
        return json.loads(self.reader.get(limit))

    def put(self, message, limit):
        self.writer.put(encode(message, "message").encode("ascii") + b"\n", limit)


def _open(read_fd, write_fd):
    """What reads and writes these descriptors. For the worker's there is one, whoever asks."""
    own = worker_pipes.own_loop
    is_own = own is not None and (own.reader.fd == read_fd, own.writer.fd == write_fd)
    if not is_own or not any(is_own):
        return _Foreign(read_fd, write_fd)
    if not all(is_own):
        raise ValueError("jumpboot.Pipe_in and jumpboot.Pipe_out belong together: who reads "
                         "requests from the one writes the answers to the other")
    return own


class JSONQueue:
    """Messages, each any JSON value, over two pipes.

    A pipe is a file, such as jumpboot.Pipe_in, or the number of a descriptor. With the worker's own
    pipes, the worker is ready when it first gets a message, and gets the requests to the program:
    {"request_id": "17", "command": "add", "data": {"a": 1}}.
    """

    def __init__(self, read_pipe, write_pipe):
        self.read_pipe = read_pipe
        self.write_pipe = write_pipe
        self._pipes = _open(descriptor_of(read_pipe, "read_pipe"),
                            descriptor_of(write_pipe, "write_pipe"))

    def put(self, obj, block=True, timeout=None):
        """Writes a message.

        Raises TimeoutError after so many seconds, or BlockingIOError if it must not wait, and has
        written nothing then. To the worker's pipes these are answers: {"request_id": …, "result":
        …}, or "error" and "traceback". Without a request_id it is that of the only request there
        is; what has neither result nor error is the result.
        """
        self._pipes.put(obj, Limit(block, timeout))

    def get(self, block=True, timeout=None):
        """The next message. Raises TimeoutError, BlockingIOError, or EOFError at the end."""
        return self._pipes.get(Limit(block, timeout))

    def close(self):
        """Ends the queue, and closes its pipes. Whoever waits in get() gets an EOFError."""
        self._pipes.reader.stop()
        self._pipes.writer.stop()
        for pipe in (self.read_pipe, self.write_pipe):
            if hasattr(pipe, "close"):
                pipe.close()


class MessagePackQueue(JSONQueue):
    """A JSONQueue under the name that later programs know it by.

    It writes JSON, too: bytes become base64.
    """
