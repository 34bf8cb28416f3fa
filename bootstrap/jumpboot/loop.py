# SPDX-License-Identifier: MIT
"""The worker loop: reads requests, one a line, and answers each before the next is begun.

The lines that one read brings are a batch, and their answers are written together. Until then they
lie in the page that is shared with the daemon, which finds them there whatever becomes of this
process. They wait for the batch's end, though not for a function that may take long, nor for longer
than _HELD_TIME.
"""
import json
import os
import select
from _thread import get_ident
from time import perf_counter_ns

from .answer import LARGE_ANSWER, LargeAnswer
from .decode import scan
from .encode import encode
from .errors import format_traceback, is_of_package, shorten
from .inbox import READ_SIZE, decode
from .interrupt import Skipped, call
from .pages import FINISHED, HELD, RUN_TIMES, RUN_TIMES_MASK, STARTED
from .pipe import wait_for, write_all
from .table import SHORT, Method

_NAME_MAX = 200
_SHOWN_MAX = 200
_NEWLINE = ord("\n")
_HELD_TIME = 200000  # nanoseconds

# Every request has this layout to the byte; the id can be had even if the rest cannot be parsed:
#   {"request_id":"17","command":"add","data":{"a":1,"b":2}}
_ID = '{"request_id":"'
_COMMAND = '","command":"'
_DATA = '","data":'


class ProtocolError(Exception):
    """What came over the pipe is no request, and has no id that could be answered."""


class _Unknown(BaseException):
    """There is no such function."""


class _Unreadable(BaseException):
    """Arguments that Python cannot parse, such as an integer of 5,000 digits."""


def _is_of_handler(error):
    """Whether code of the program has raised it, which only a signal handler can do here."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return not is_of_package(trace.tb_frame.f_code.co_filename)


def _raising(name, error):
    """Stands for the method of a request that has none, or whose arguments cannot be had."""
    def function():
        raise error
    return Method(name, function)


class Loop:
    def __init__(self, table, answers, events, output, pages, link):
        self._table = table
        self._answers = answers
        self._events = events
        self._output = output
        self._current = output.current
        self._pages = pages
        self._link, self._inbox, self._calls = link, link.inbox, link.calls
        self._pipe_in = self._pipe_out = self._main = None
        self._serve_batch = self._batch_server()

    def serve(self, pipe_in, pipe_out):
        """Answers requests until the pipe's end; in a child that forks off, not one more."""
        self._pipe_in, self._pipe_out = pipe_in, pipe_out
        self._main = get_ident()
        self._link.before_call = self._before_call
        inbox, serve_batch = self._inbox, self._serve_batch
        while not self._current.forked:
            if inbox.requests:
                texts = [inbox.take_requests()]
            else:
                try:
                    chunk = os.read(pipe_in, READ_SIZE)
                except Exception as error:
                    self._interrupted(error)
                    continue
                if not chunk:
                    return
                if inbox.begun or chunk[-1] != _NEWLINE:
                    texts = [inbox.whole_lines(chunk)]
                else:
                    texts = [decode(chunk)]
                if self._calls.strays:
                    texts = [inbox.without_answers(texts.pop())]
            try:
                serve_batch(texts)
            except BrokenPipeError:
                if self._current.forked:
                    raise  # of the child's own
                return  # nobody waits for answers any more

    def _batch_server(self):
        """A function that answers the requests of a text, which is whole lines and all that a list
        has. Whatever it does, it does for each request: so it is one function, which has at hand
        what it needs."""
        table, answers, current, calls = self._table, self._answers, self._current, self._calls
        pages, methods, max_size = self._pages, table.methods, answers.max_size
        counters, wanted, hold, hold_max = pages.counters, pages.wanted, pages.hold, pages.hold_max
        parse, clock, not_run = scan, perf_counter_ns, Method("", None)
        ordinal = 0  # of the last request: the first one is 1

        def serve_batch(texts):
            nonlocal ordinal
            text = texts.pop()  # which nobody else has
            position, last, size = 0, len(text), 0
            begun = clock()
            held_until = begun + _HELD_TIME
            while position < last:
                ordinal += 1
                counters[STARTED] = ordinal
                try:
                    request, end = parse(text, position)
                    serial, data = request["request_id"], request["data"]
                    method = methods[request["command"]]
                except Exception as error:
                    end = text.find("\n", position)
                    serial, data, method = self._unusual(text[position:end], error)
                if method.wary and size:
                    self._flush(size)
                    size, begun = 0, clock()
                if end > LARGE_ANSWER and end + 1 >= last:
                    text = request = None  # what is large goes as soon as it has served
                current.serial = serial
                try:
                    result = call(wanted, ordinal, method, data)
                    if method.is_async and hasattr(result, "__await__"):
                        result = self._events.run(result, serial)
                    told = encode(result)
                    if len(told) < LARGE_ANSWER:
                        answer = ('{"request_id":"%s","result":%s}\n' % (serial, told)).encode()
                    else:
                        data = result = None
                        answer, told = LargeAnswer(serial, told), None
                except Skipped:
                    answer, method = answers.skipped(serial), not_run
                except BaseException as error:
                    if current.forked:
                        raise  # in a child: nobody waits for its answer
                    answer = self._failed(serial, method, data, error)
                if current.forked:
                    return
                if len(answer) > max_size:
                    answer = answers.too_large(serial, len(answer))
                if current.partial:
                    self._output.end_lines()
                    if size:
                        size = pages.resume()
                current.serial = None
                if calls.open:  # which nobody waits for, or a thread or task that was left behind
                    self._inbox.end_request()
                ended = clock()
                duration = ended - begun
                counters[RUN_TIMES + (ordinal & RUN_TIMES_MASK)] = duration
                counters[FINISHED] = ordinal
                if method.wary or duration > SHORT:
                    method.took(duration)
                position = end + 1
                size += len(answer)
                if position < last and size <= hold_max and ended < held_until:
                    hold(answer)
                    counters[HELD] = pages.generation | size
                    begun = ended
                else:
                    self._write(answer, size)
                    size, begun = 0, clock()
                    held_until = begun + _HELD_TIME

        return serve_batch

    def _write(self, answer, size):
        """Writes an answer, and before it those that are held; all are so many bytes."""
        pages, held = self._pages, size - len(answer)
        if held and size <= pages.hold_max:
            pages.hold(answer)
            pages.counters[HELD] = pages.generation | size
            self._flush(size)
        else:
            if held:
                self._flush(held)
            if answer.__class__ is LargeAnswer:
                answer.write(self._pipe_out)
            else:
                write_all(self._pipe_out, answer)

    def _flush(self, size):
        """Writes the answers that are held. A handler of the program may raise in here, if it is a
        function that has called: no bytecode comes between a write and the note of it."""
        pages = self._pages
        written = pages.written
        while sum(written) < size:
            try:
                written.extend(map(os.write, (self._pipe_out,), (pages.held[sum(written):size],)))
            except BlockingIOError:
                wait_for(self._pipe_out, select.POLLOUT)
        pages.release()

    def _before_call(self):
        """The function that runs calls another program: nobody is to wait with it."""
        size = self._pages.count_held()
        if size and get_ident() == self._main:
            self._current.partial = True  # which has the batch look at the page again
            self._flush(size)

    def _interrupted(self, error):
        """Goes on after what kept a read from being made: nothing was there yet, or a signal handler
        of the program has raised, which is told as Python tells of what nobody catches."""
        if isinstance(error, BlockingIOError):
            wait_for(self._pipe_in, select.POLLIN)
        elif _is_of_handler(error):
            self._output.complain(format_traceback(error))
        else:
            raise error

    def _unusual(self, line, error):
        """What stands for a request that cannot be parsed, or names no function: serial, arguments
        and method."""
        start = line.find('"', len(_ID))
        end = line.find(_DATA, start)
        try:
            if not (line.startswith(_ID) and line.startswith(_COMMAND, start) and end > start):
                raise ValueError
            serial, name = line[len(_ID):start], json.loads(line[start + len(_COMMAND) - 1:end + 1])
        except ValueError:
            raise ProtocolError("not a request: %r" % line[:_SHOWN_MAX]) from None
        if name in self._table.methods:
            return serial, {}, _raising(name, _Unreadable(str(error) or type(error).__name__))
        return serial, {}, _raising(name, _Unknown())

    def _failed(self, serial, method, data, error):
        if isinstance(error, _Unknown):
            return self._unknown(serial, method.name)
        if isinstance(error, _Unreadable):
            return self._unfit(serial, "cannot be read", error)
        if data.__class__ is not dict and data.__class__ is not list:
            return self._unfit(serial, "do not fit", error)
        if isinstance(error, TypeError):
            misfit = method.misfit(data, error)
            if misfit is not None:
                return self._answers.error(
                    serial, "invalid_params", misfit, signature=method.usage())
        return self._answers.exception(serial, error)

    def _unknown(self, serial, name):
        near = self._table.near(name)
        message = 'there is no function "%s"' % shorten(name[:_NAME_MAX], _NAME_MAX)
        if near:
            message += ": did you mean %s?" % " or ".join('"%s"' % other for other in near)
        return self._answers.error(serial, "method_not_found", message, near=near)

    def _unfit(self, serial, verb, error):
        return self._answers.error(
            serial, "invalid_params", "the arguments %s: %s" % (verb, error))
