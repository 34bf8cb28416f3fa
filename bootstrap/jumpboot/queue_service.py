# SPDX-License-Identifier: MIT
"""What serves a JSONQueueServer: two threads, one that reads messages and one that runs commands.

Commands are run one after the other, as they came. While there is nothing to run, the second thread
runs the asyncio loop, if there is one, so that tasks which commands have left behind go on.
"""
import json
import threading
from collections import deque

from . import own_loop as worker_pipes
from .answer import Answers
from .encode import encode
from .errors import Describer
from .events import Events
from .lines import Limit
from .origin import run_within
from .pages import Pages
from .queue_calls import ForeignLink

_GRACE = 0.25  # seconds in which a program that does not tell may register what it has to
_FOREVER = Limit(True, None)
_ANSWERED = object()


class Inbox:
    """Messages on their way from one thread to the other, which may run an asyncio loop."""

    def __init__(self):
        self._messages = deque()
        self._changed = threading.Condition()
        self._wake = None  # a function that wakes up the asyncio loop
        self._is_closed = False

    def put(self, message):
        with self._changed:
            self._messages.append(message)
            self._notify()

    def close(self):
        """What lies there is taken out, and nothing after it."""
        with self._changed:
            self._is_closed = True
            self._notify()

    def _notify(self):
        self._changed.notify()
        if self._wake is not None:
            self._wake()

    def _has_news(self):
        return self._messages or self._is_closed

    def take(self):
        """The next message; None: there will be none."""
        with self._changed:
            self._changed.wait_for(self._has_news)
            return self._messages.popleft() if self._messages else None

    async def wait(self, loop):
        """Waits in the asyncio loop for something to be taken."""
        import asyncio
        woken = asyncio.Event()
        with self._changed:
            if self._has_news():
                return
            self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        await woken.wait()
        with self._changed:
            self._wake = None


class Service:
    """Serves the commands over two pipes, the worker's or others."""

    def __init__(self, pipes, commands, is_auto):
        own = worker_pipes.own_loop
        self._own = own if pipes is own else None
        self._pipes = pipes
        self.commands = commands
        self._is_auto = is_auto  # begins by itself
        self.is_running = is_auto
        self.link = own.link if self._own else ForeignLink(pipes.writer)
        self._answers = own.answers if self._own else Answers(0, Describer("<none>"))
        self._events = own.events if self._own else Events(Pages())
        self._inbox = Inbox()
        self._settled = threading.Event()  # all is registered that is to be known at the beginning
        self._lock = threading.Lock()
        self._thread = None
        self._running = None  # the request_id of the command that is being run
        self._unanswered = _ANSWERED  # the same, until its handler has answered by itself

    # From start to end

    def constructed(self):
        """All of the server's object has been made."""
        if self._is_auto and self._thread is None:
            self._launch()

    def look(self):
        """The program looks whether it still serves: it has registered what it had to."""
        self.constructed()
        self._settled.set()
        return self.is_running

    def start(self):
        self._launch()
        self._settled.set()

    def _launch(self):
        with self._lock:
            if self._thread is not None:
                if not self.is_running:
                    raise RuntimeError("this server has been stopped, and cannot start again")
                return
            if self._own:
                self._own.expect(self)
            self.is_running = True
            self._thread = threading.Thread(target=self._serve, name="JSONQueueServer", daemon=True)
            self._thread.start()

    def stop(self):
        """Takes no more messages. In another thread it waits for what has come before."""
        self._is_auto = self.is_running = False
        self._settled.set()
        self._pipes.reader.stop()
        self.join()

    def join(self):
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _serve(self):
        self._settled.wait(_GRACE)
        try:
            self._begin()
            threading.Thread(target=self._read, name="JSONQueueServer reader", daemon=True).start()
            self._serve_messages()
        except BrokenPipeError:
            pass  # nobody waits for answers any more
        finally:
            if not self._is_forked():
                self._end()

    def _end(self):
        self.is_running = False
        self._pipes.reader.stop()
        if self._own:
            self._own.end()
        else:
            self._events.close()

    def _is_forked(self):
        return self._own is not None and self._own.is_forked()

    def _begin(self):
        if self.commands.has_async():
            import asyncio  # noqa: F401  not at the first call, which would wait for it
        if self._own:
            self._own.begin(self.commands.described, self.commands.accepts_any, True)

    def _read(self):
        try:
            while True:
                try:
                    message = self._pipes.get(_FOREVER)
                except (ValueError, RecursionError) as error:
                    self._refuse_line(error)
                    continue
                if self._own or not self.link.take(message):
                    self._inbox.put(message)
        except (EOFError, OSError):  # the end, or somebody has closed the descriptor
            pass
        finally:
            self.link.close()
            self._inbox.close()

    def _refuse_line(self, error):
        """Of a line that cannot be read nobody knows whose it is. The next one may be another's."""
        message = "a line that cannot be read: %s" % error
        if self._own:
            self._own.warn(message)
        else:
            self._pipes.writer.put(self._answers.error(None, "parse_error", message), _FOREVER)

    def _serve_messages(self):
        while True:
            loop = self._events.loop
            if loop is not None and not loop.is_closed():
                loop.run_until_complete(self._inbox.wait(loop))
            message = self._inbox.take()
            if message is None:
                return
            if isinstance(message, dict) and isinstance(message.get("command"), str):
                self._run(message)
            if self._is_forked():
                return  # a command has forked, and this is the child

    # One command

    def _run(self, message):
        name, request_id = message["command"], message.get("request_id")
        command = self.commands.find(name)
        if command is None:
            message, near = self.commands.absence(name)
            line = self._answers.error(request_id, "method_not_found", message, near=near)
        else:
            self._unanswered = self._running = request_id
            line = run_within(request_id if self._own else None, self._answer, command, message,
                              request_id)
            self._running = None
            if self._unanswered is _ANSWERED:
                return
        if self._own:
            self._own.put_line(request_id, line, _FOREVER)
        else:
            self._pipes.writer.put(line, _FOREVER)

    def _answer(self, command, message, request_id):
        """Runs it, and returns its answer, whatever happens."""
        args, kwargs = (), {}
        try:
            args, kwargs = command.arguments(message.get("data"), request_id,
                                             message.get("positional") is True)
            result = command.function(*args, **kwargs)
            if hasattr(result, "__await__"):
                result = self._events.run(result, request_id)
            line = '{"request_id":%s,"result":%s}\n' % (encode(request_id), encode(result))
            line = line.encode("ascii")
        except BaseException as error:
            if self._is_forked():
                raise  # in a child: nobody waits for its answer
            misfit = isinstance(error, TypeError) and command.misfit_of(args, kwargs, error)
            if misfit:
                return self._answers.error(request_id, "invalid_params", misfit,
                                           signature=command.usage())
            return self._answers.exception(request_id, error)
        return line if self._answers.fits(line) else self._answers.too_large(request_id, len(line))

    def running_id(self):
        """The request_id of the command that is being run; None: there is none."""
        return self._running

    def respond(self, response, request_id):
        """Sends what a handler has for an answer."""
        if request_id is None or request_id == self._unanswered:
            request_id, self._unanswered = self._unanswered, _ANSWERED
        if request_id is _ANSWERED:
            raise RuntimeError("send_response: there is no request to answer")
        if isinstance(response, BaseException):
            response = json.loads(self._answers.exception(request_id, response))
        is_answer = isinstance(response, dict) and ("result" in response or "error" in response)
        answer = response if is_answer else {"result": response}
        self._pipes.put({**answer, "request_id": request_id}, _FOREVER)

    def changed(self):
        """Tells the daemon of commands that come after it has been told of all."""
        if self._own and self._own.has_begun:
            self._own.tell(self.commands.described(), self.commands.accepts_any())
