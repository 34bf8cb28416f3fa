# SPDX-License-Identifier: MIT
"""The worker's pipes in the hands of the program: a main module that reads requests by itself.

The worker is ready when the main module first listens. From then on it keeps its own books here:
which requests it was given and has not answered. They say which one an answer is for that names
none, and whose the lines are that are printed meanwhile.
"""
import io
import json
import sys
import threading
from collections.abc import Mapping

from . import caller
from .calls import is_answer
from .encode import encode
from .errors import safe_repr, shorten
from .lines import Limit, LineReader, LineWriter
from .queue_calls import OwnLink

_SHOWN_MAX = 200
_LOOK = 0.5  # seconds
_FOREVER = Limit(True, None)
_ID = '{"request_id":"'  # with which every line of the daemon's begins

own_loop = None  # the worker's; there is none in other processes


class RequestPipe(io.FileIO):
    """jumpboot.Pipe_in: whoever reads from it listens for requests."""

    def readinto(self, buffer):
        own_loop.begin()
        return super().readinto(buffer)

    def readall(self):
        own_loop.begin()
        return super().readall()


class OwnLoop:
    def __init__(self, worker, pipe_in, pipe_out):
        self.reader = LineReader(pipe_in)
        self.writer = LineWriter(pipe_out)
        self.link = OwnLink(self, worker.max_request_size)
        self.answers = worker.answers
        self.events = worker.events
        self.has_begun = False
        self._service = None  # of a JSONQueueServer, if there is one
        self._comes_too_late = False
        self._worker = worker
        self._current = worker.current
        self._lock = threading.RLock()
        self._requests = {}  # those that wait for an answer, by request_id
        self._listener = None  # the thread that listened last

    # From the main module's first look for a request to its end

    def expect(self, service):
        """A JSONQueueServer is about to read the requests."""
        if self._service is not None:
            raise RuntimeError("another JSONQueueServer reads the requests to this program already")
        self._worker.fork_here()  # before there are threads
        self._worker.origin.forget_main()
        self._service = service

    def is_expected(self):
        return self.has_begun or self._service is not None

    def begin(self, describe=dict, accepts_any=lambda: True, is_server=False):
        """Makes the worker ready, once. Unless it is told, it is not known what it can do. is_server: it
        looks for whether arguments are positional."""
        self._listener = threading.get_ident()
        if self.has_begun:
            return
        with self._lock:
            if self._comes_too_late:
                raise RuntimeError("the main module has ended without having listened for requests:"
                                   " the worker reads them itself")
            if not self.has_begun:
                self._worker.fork_here()
                self._worker.listen(describe, accepts_any, is_server)
                self.has_begun = True
                caller.use(self.link)

    def warn(self, message):
        self._worker.status.log("warning", message)

    def tell(self, methods, accepts_any):
        self._worker.tell_methods(methods, accepts_any)

    def is_forked(self):
        """Whether this is a child that was forked off the worker, in which nothing is read or written."""
        return self._current.forked

    def has_begun_at_last(self):
        """Whether the main module, which has ended, reads the requests. If not, it never will."""
        with self._lock:
            self._comes_too_late = not self.is_expected()
        return not self._comes_too_late

    def end(self):
        """In the thread of a server, when it has run its last command."""
        self._worker.run_exit_functions()

    def wait(self):
        """Waits for the end of requests, as long as a thread that the main module has left behind
        listens."""
        if self._service is not None:
            self._service.look()
            self._service.join()
            return
        while self._listener != threading.get_ident() and self._listener in sys._current_frames():
            if self.reader.over.wait(_LOOK):
                return

    # Messages

    def get(self, limit):
        """The next message that is no answer to one of our own calls."""
        self.begin()
        message = self.reader.get(limit, self._read)
        if isinstance(message, dict) and "command" in message and "request_id" in message:
            with self._lock:
                self._requests[str(message["request_id"])] = None
                self._attribute()
        elif isinstance(message, dict):
            self.link.forget(message.get("request_id"))
        return message

    def _read(self, line):
        """The message in a line, if it is for get(). Others have had their effect at once: whoever
        reads after this sees it."""
        try:
            message = json.loads(line)
        except ValueError as error:  # such as an integer of 5,000 digits
            if not self._refuse(line, error):
                raise
            return None
        return None if self.link.take(message) else message

    def _refuse(self, line, error):
        """Tells whoever waits for a line that Python cannot read. False: nobody does."""
        text = line.decode("utf-8", "backslashreplace")
        serial = text[len(_ID):text.find('"', len(_ID))]
        if not text.startswith(_ID) or self.link.is_foreign(serial):
            return False
        if is_answer(text):
            self.link.calls.take_line(text)
        else:
            self.writer.put(self.answers.error(
                serial, "invalid_params", "the arguments cannot be read: %s" % error), _FOREVER)
        return True

    def put(self, message, limit):
        """Writes a message: an answer, or a call that the program makes by itself."""
        if isinstance(message, Mapping) and "command" in message:
            self.link.note(message)
            self.writer.put(encode(message, "message").encode("ascii") + b"\n", limit)
            return
        with self._lock:
            answer = self._answer(message)
        if answer is None:
            return
        line = encode(answer, "message").encode("ascii") + b"\n"
        serial = str(answer["request_id"])
        if len(line) > self._worker.answers.max_size:
            line = self._worker.answers.too_large(serial, len(line))
        self.put_line(serial, line, limit)

    # Calls

    def has_reader(self):
        """Whether a thread reads whatever comes."""
        return self._service is not None

    def running(self):
        """The request that is being run; None: there is none, or several."""
        with self._lock:
            if self._service is not None and len(self._requests) > 1:
                return self._service.running_id()
            return next(iter(self._requests)) if len(self._requests) == 1 else None

    def here(self):
        """The request of the calling code, whether it is answered or not; None: there is no telling.
        Which threads of a program's own loop are at which request, nobody knows but the program."""
        serial = None if self._service is None else self._worker.origin.here()
        return self.running() if serial is None else serial

    def is_unanswered(self, serial):
        return serial in self._requests

    def read_for_call(self, call, limit):
        """Reads one message, unless the call is over, or another thread reads: then it is False."""
        try:
            return self.reader.look(limit, self._read, lambda: call.is_over)
        except TimeoutError:
            pass
        except EOFError:
            self.link.close()
        return True

    # Answers

    def put_line(self, serial, line, limit):
        """Writes the answer to a request."""
        self.link.calls.end(serial)
        self._worker.end_lines()
        self.writer.put(line, limit)
        with self._lock:
            self._requests.pop(serial, None)
            self._attribute()

    def _answer(self, message):
        """The message as an answer to its request; None: there is none that it could be for."""
        members = dict(message) if isinstance(message, Mapping) else {"result": message}
        serial = members.pop("request_id", None)
        if "result" not in members and "error" not in members:
            members = {"result": members}
        if serial is None:
            serial = self._single(message)
        return None if serial is None else {"request_id": serial, **members}

    def _single(self, message):
        """The only request there is."""
        if len(self._requests) > 1:
            raise ValueError("a message without a request_id, while %d requests wait for an answer:"
                             " %s" % (len(self._requests), _shown(message)))
        for serial in self._requests:
            return serial
        self.warn("a message that answers no request is dropped: %s" % _shown(message))
        return None

    def _attribute(self):
        """Lines that are printed belong to the request, if there is one alone."""
        single = len(self._requests) == 1
        self._current.serial = next(iter(self._requests)) if single else None


def _shown(message):
    return shorten(safe_repr(message), _SHOWN_MAX)

