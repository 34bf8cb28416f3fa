# SPDX-License-Identifier: MIT
"""The worker loop: reads requests, one a line, and answers each before the next is begun."""
import json
import os
import select
from time import perf_counter_ns

from .decode import scan
from .encode import encode
from .errors import format_traceback, is_of_package, shorten
from .inbox import READ_MORE, READ_SIZE
from .interrupt import Skipped, call
from .pages import RUN_TIMES, RUN_TIMES_MASK
from .pipe import wait_for, write_all

_NAME_MAX = 200

# Every request has this layout to the byte; the id can be had even if the rest cannot be parsed:
#   {"request_id":"17","command":"add","data":{"a":1,"b":2}}
_ID = '{"request_id":"'
_COMMAND = '","command":"'
_DATA = '","data":'
_ID_LENGTH, _COMMAND_LENGTH, _DATA_LENGTH = len(_ID), len(_COMMAND), len(_DATA)

_UNREAD = object()  # stands for arguments that have not been parsed


class ProtocolError(Exception):
    """What came over the pipe is no request, and has no id that could be answered."""


def _is_of_handler(error):
    """Whether code of the program has raised it, which only a signal handler can do here."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return not is_of_package(trace.tb_frame.f_code.co_filename)


class Loop:
    def __init__(self, table, answers, events, output, pages, link):
        self._table = table
        self._methods = table.methods
        self._answers = answers
        self._max_size = answers.max_size
        self._events = events
        self._output = output
        self._current = output.current
        self._pages = pages
        self._inbox, self._calls = link.inbox, link.calls
        self._ordinal = 0  # of the last request: the first one is 1
        self._scan = scan

    def serve(self, pipe_in, pipe_out):
        """Answers requests until the pipe's end; in a child that forks off, not one more."""
        inbox = self._inbox
        parts = inbox.parts
        while not self._current.forked:
            if inbox.requests:
                lines, inbox.requests = inbox.requests, []
            else:
                try:
                    chunk = os.read(pipe_in, READ_MORE if parts else READ_SIZE)
                except Exception as error:
                    self._interrupted(error, pipe_in)
                    continue
                if not chunk:
                    return
                end = chunk.rfind(b"\n")
                if end < 0:
                    parts.append(chunk)
                    continue
                parts.append(chunk[:end])
                lines = b"".join(parts)
                parts[:] = [chunk[end + 1:]] if end + 1 < len(chunk) else []
                # The daemon sends UTF-8. Bytes that are not become escapes that JSON does not allow.
                lines = lines.decode("utf-8", "backslashreplace").split("\n")
                if self._calls.strays:
                    lines = inbox.without_answers(lines)
            try:
                self._serve_lines(lines, pipe_out)
            except BrokenPipeError:
                if self._current.forked:
                    raise  # of the child's own
                return  # nobody waits for answers any more

    def _serve_lines(self, lines, pipe_out):
        lines.reverse()
        pages = self._pages
        begun = perf_counter_ns()
        while lines and not self._current.forked:
            ordinal = self._ordinal = self._ordinal + 1
            pages.counters[0] = ordinal
            # Popped, so that a large request is not kept longer than it is needed.
            answer = self._answer(lines.pop(), ordinal)
            ended = perf_counter_ns()
            pages.counters[RUN_TIMES + (ordinal & RUN_TIMES_MASK)] = ended - begun
            begun = ended
            pages.counters[1] = ordinal
            written = os.write(pipe_out, answer)
            if written != len(answer):
                write_all(pipe_out, memoryview(answer)[written:])

    def _interrupted(self, error, pipe_in):
        """Goes on after what kept a read from being made: nothing was there yet, or a signal handler
        of the program has raised, which is told as Python tells of what nobody catches."""
        if isinstance(error, BlockingIOError):
            wait_for(pipe_in, select.POLLIN)
        elif _is_of_handler(error):
            self._output.complain(format_traceback(error))
        else:
            raise error

    def _answer(self, line, ordinal):
        """Runs one request, and returns its answer, whatever happens."""
        end = line.find('"', _ID_LENGTH)
        serial = line[_ID_LENGTH:end]
        start = end + _COMMAND_LENGTH
        end = line.find(_DATA, start)
        method = self._methods.get(line[start:end])
        if method is None:
            name = self._name(line, serial, start, end)
            method = self._methods.get(name)
            if method is None:
                return self._unknown(serial, name)
        self._current.serial = serial
        data = _UNREAD
        try:
            data, stop = self._scan(line, end + _DATA_LENGTH)
            if stop + 1 != len(line):
                data = _UNREAD
                raise ValueError("more than one value")
            result = call(self._pages, ordinal, method, data)
            if method.is_async and hasattr(result, "__await__"):
                result = self._events.run(result, serial)
            answer = '{"request_id":"%s","result":%s}\n' % (serial, encode(result))
            answer = answer.encode("ascii")
        except BaseException as error:
            if self._current.forked:
                raise  # in a child: nobody waits for its answer
            answer = self._failed(serial, method, data, error)
        if len(answer) > self._max_size:
            answer = self._answers.too_large(serial, len(answer))
        if self._current.partial:
            self._output.end_lines()
        self._current.serial = None
        if self._calls.open:  # which nobody waits for, or a thread or task that was left behind
            self._inbox.end_request()
        return answer

    def _name(self, line, serial, start, end):
        """The name of a function that was not found as it stands: it may contain escapes."""
        laid_out = (line.startswith(_ID) and serial and end >= start
                    and line.startswith(_COMMAND, _ID_LENGTH + len(serial)))
        if laid_out:
            try:
                return json.loads('"%s"' % line[start:end])
            except ValueError:
                pass
        raise ProtocolError("not a request: %r" % line[:200])

    def _unknown(self, serial, name):
        near = self._table.near(name)
        message = 'there is no function "%s"' % shorten(name[:_NAME_MAX], _NAME_MAX)
        if near:
            message += ": did you mean %s?" % " or ".join('"%s"' % other for other in near)
        return self._answers.error(serial, "method_not_found", message, near=near)

    def _failed(self, serial, method, data, error):
        if isinstance(error, Skipped):
            return self._answers.skipped(serial)
        if data.__class__ is not dict and data.__class__ is not list:
            return self._unreadable(serial, data, error)
        if isinstance(error, TypeError):
            misfit = method.misfit(data, error)
            if misfit is not None:
                return self._answers.error(
                    serial, "invalid_params", misfit, signature=method.usage())
        return self._answers.exception(serial, error)

    def _unreadable(self, serial, data, error):
        """Arguments that Python cannot parse, such as an integer of 5,000 digits."""
        reason = str(error) or type(error).__name__
        verb = "cannot be read" if data is _UNREAD else "do not fit"
        return self._answers.error(
            serial, "invalid_params", "the arguments %s: %s" % (verb, reason))
