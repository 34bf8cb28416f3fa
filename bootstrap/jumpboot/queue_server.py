# SPDX-License-Identifier: MIT
"""JSONQueueServer: a class whose methods are commands, as in the Go library Jumpboot."""
from abc import ABCMeta

import jumpboot

from .queue_commands import Commands, find_methods
from .queue_service import Service
from .queues import JSONQueue, MessagePackQueue


def exposed(method, /):
    """Makes a method of a JSONQueueServer a command, whatever its name, also where the server does
    not expose_methods."""
    if not callable(method):
        raise TypeError("jumpboot.exposed: %r is not a function; write @jumpboot.exposed without "
                        "arguments" % (method,))
    method._jumpboot_exposed = True
    return method


class _AfterInit(ABCMeta):
    """Has a server begin when all of its object has been made, and not within its class's base."""

    def __call__(cls, *args, **kwargs):
        server = super().__call__(*args, **kwargs)
        service = getattr(server, "_jumpboot_service", None)
        if service is None:
            raise TypeError("%s.__init__() does not call super().__init__()" % cls.__qualname__)
        service.constructed()
        return server


class JSONQueueServer(metaclass=_AfterInit):
    """Makes its public methods commands, asynchronous ones too. To be subclassed, or to be given
    functions and handlers.

    pipe_in, pipe_out: files or descriptors. Unless they are given, they are the worker's own: then
    clients call the commands, and the worker is ready when the server begins to listen.
    auto_start: it begins when the object has been made, and not when start() is called.
    expose_methods: all public methods of subclasses are commands, and not only those that are
    marked with @exposed.
    """

    _jumpboot_queue = JSONQueue  # the class

    def __init__(self, pipe_in=None, pipe_out=None, auto_start=True, expose_methods=True):
        self.queue = self._jumpboot_queue(jumpboot.Pipe_in if pipe_in is None else pipe_in,
                                          jumpboot.Pipe_out if pipe_out is None else pipe_out)
        commands = Commands(find_methods(self, JSONQueueServer, expose_methods), self.stop)
        self._jumpboot_service = Service(self.queue._pipes, commands, auto_start)

    def register_method(self, name, method):
        """Makes a function a command: its arguments are those of the request."""
        self._jumpboot_service.commands.add_method(name, method)
        self._jumpboot_service.changed()

    def register_handler(self, command, handler):
        """Has handler(data, request_id) run for a command. What it returns is the result, unless it has
        called send_response()."""
        self._jumpboot_service.commands.add_handler(command, handler)
        self._jumpboot_service.changed()

    def set_default_handler(self, handler):
        """Has handler(command, data, request_id) run for all that is no command. None: nobody does."""
        self._jumpboot_service.commands.set_default(handler)
        self._jumpboot_service.changed()

    def send_response(self, response, request_id=None):
        """Answers a request from within its handler: with a result, an exception, or an answer
        as a whole, {"result": …} or {"error": …}."""
        self._jumpboot_service.respond(response, request_id)

    def request(self, command, data=None, timeout=None):
        """Calls "program.function" of the daemon's, within the request that is being run, and returns
        its result. data: an object with keyword arguments, an array of positional ones, or the first
        argument. timeout: seconds. Raises what jumpboot.call() raises."""
        link = self._jumpboot_service.link
        return link.wait(link.begin(command, {} if data is None else data, timeout))

    async def async_request(self, command, data=None, timeout=None):
        """The same as request() for a coroutine."""
        link = self._jumpboot_service.link
        return await link.awaited(link.begin(command, {} if data is None else data, timeout))

    def start(self):
        """Begins to serve, in threads of its own, and returns."""
        self._jumpboot_service.start()

    def stop(self):
        """Ends it, when it has answered what came before."""
        self._jumpboot_service.stop()

    @property
    def running(self):
        """Whether it serves. A main module waits as long as it does."""
        return self._jumpboot_service.look()

    @running.setter
    def running(self, value):
        self.start() if value else self.stop()


class MessagePackQueueServer(JSONQueueServer):
    """A JSONQueueServer under the name that later programs know it by.

    It speaks JSON, too: bytes become base64.
    """

    _jumpboot_queue = MessagePackQueue
