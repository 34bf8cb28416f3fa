# SPDX-License-Identifier: MIT
"""The lines that answer requests."""
import sys

from .encode import encode
from .errors import TEXT_MAX, shorten, title
from .pipe import write_all

LARGE_ANSWER = 65536  # characters, which is what a pipe takes at once
_SMALL_MESSAGE = 200
_END = "}\n"
_SKIPPED = b'{"request_id":"%s","error":"skipped","kind":"cancelled","data":{"kind":"cancelled"}}\n'


def _line(serial, message, kind, data):
    members = {"request_id": serial, "error": message, "kind": kind,
               "data": {"kind": kind, **data}}
    return encode(members, "error").encode("ascii") + b"\n"


class LargeAnswer:
    """The line of a result so long that it is made while it is written, piece by piece: what is as
    large as a pipe lies in memory that is at hand, and copies of the whole would not."""

    __slots__ = ("_head", "_result")

    def __init__(self, serial, result):
        self._head = '{"request_id":"%s","result":' % serial
        self._result = result

    def __len__(self):
        return len(self._head) + len(self._result) + len(_END)

    def write(self, fd):
        """Once."""
        head, result = self._head, self._result
        self._result = ""  # who has the answer still does not need it any more
        begin = LARGE_ANSWER - len(head)
        write_all(fd, (head + result[:begin]).encode("ascii"))
        for begin in range(begin, len(result), LARGE_ANSWER):
            piece = result[begin:begin + LARGE_ANSWER]
            if begin + LARGE_ANSWER >= len(result):
                piece += _END
            write_all(fd, piece.encode("ascii"))


class Answers:
    """Makes the error lines; none is longer than max_size bytes if that allows any at all."""

    def __init__(self, max_size, describer):
        self.max_size = max_size or sys.maxsize  # 0: no limit
        self._describer = describer

    def fits(self, line):
        return len(line) <= self.max_size

    def error(self, serial, kind, message, **data):
        message = shorten(message, TEXT_MAX)
        if kind == "method_not_found":  # whose message the specification gives: this one goes along
            data["detail"] = message
        line = _line(serial, message, kind, data)
        return line if self.fits(line) else self._small(serial, kind, message)

    def exception(self, serial, error):
        """Answers with what was raised, whatever it is, and whatever happens meanwhile."""
        try:
            description = self._describer.describe(error)
            line = _line(serial, title(description), "exception", description)
            if not self.fits(line):
                description.update(traceback="", cause=None, args=[])
                description["message"] = shorten(description["message"], _SMALL_MESSAGE)
                line = _line(serial, title(description), "exception", description)
        except BaseException:  # no memory, no stack, or an exception that cannot be described
            return self._small(serial, "exception", type(error).__name__)
        return line

    def skipped(self, serial):
        """For a request that was not wanted any more when its turn came."""
        return _SKIPPED % serial.encode()

    def too_large(self, serial, size):
        return self.error(
            serial, "too_large", "the answer has %d bytes: max_response_size is %d"
            % (size, self.max_size), size=size, limit=self.max_size)

    def _small(self, serial, kind, message):
        return _line(serial, shorten(message, _SMALL_MESSAGE), kind, {})
