# SPDX-License-Identifier: MIT
"""What a program that runs under jumpbootd can use.

expose, on_start, on_exit: decorators, see each.
RequestTimeout, RequestCancelled: what is raised in a function whose result nobody waits for any
more; RequestInterrupted is either.
SharedMemory, SharedArray, NamedSemaphore: what processes share by a name.
JSONQueue, JSONQueueServer, exposed: for a main module that reads the requests itself, as programs
for the Go library Jumpboot do; MessagePackQueue, MessagePackQueueServer: other names for them.
msgpack: the environment's own, if it has one.
Pipe_in, Pipe_out, Status_in: the worker's pipes as text files. The worker itself reads and writes
them, unless the main module does.
call, acall: calls of other programs' functions, see each; CallError is what they raise, as one of
RemoteError, CallTimeout, CallCancelled, CallRefused, CallUnavailable, CallTooLarge, MethodNotFound,
InvalidParams and WorkerDied.
The program's key-values are attributes of this package, too.
"""
from importlib import import_module

from .call_errors import (
    CallCancelled, CallError, CallRefused, CallTimeout, CallTooLarge, CallUnavailable,
    InvalidParams, MethodNotFound, RemoteError, WorkerDied)
from .caller import acall, call
from .hooks import expose, on_exit, on_start
from .interrupt import RequestCancelled, RequestInterrupted, RequestTimeout

__all__ = [
    "CallCancelled", "CallError", "CallRefused", "CallTimeout", "CallTooLarge", "CallUnavailable",
    "InvalidParams", "JSONQueue", "JSONQueueServer", "MessagePackQueue", "MessagePackQueueServer",
    "MethodNotFound", "NamedSemaphore", "Pipe_in", "Pipe_out", "RemoteError", "RequestCancelled",
    "RequestInterrupted", "RequestTimeout", "SharedArray", "SharedMemory", "Status_in",
    "WorkerDied", "acall", "call", "expose", "exposed", "on_exit", "on_start"]

# Imported when they are first used: most programs do without.
_MODULES = {"JSONQueue": "queues", "JSONQueueServer": "queue_server", "MessagePackQueue": "queues",
            "MessagePackQueueServer": "queue_server", "NamedSemaphore": "semaphore",
            "SharedArray": "shared_array", "SharedMemory": "shared_memory",
            "exposed": "queue_server"}

# Opened when the worker is prepared, before any code of the program runs.
Pipe_in = None
Pipe_out = None
Status_in = None


def __getattr__(name):
    if name == "msgpack":
        return import_module(".msgpack", __name__)
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    value = globals()[name] = getattr(import_module("." + module, __name__), name)
    return value
