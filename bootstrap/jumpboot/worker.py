# SPDX-License-Identifier: MIT
"""A worker from its start to its end, in the order in which the second stage asks for it."""
import atexit
import faulthandler
import gc
import io
import os
import signal
import stat
import sys

import jumpboot

from . import caller, own_loop
from .answer import Answers
from .describe import reduce
from .errors import Describer, format_traceback
from .events import Events
from .hooks import hooks
from .interrupter import Interrupter
from .loop import Loop
from .own_loop import OwnLoop, RequestPipe
from .output import Output
from .pages import Pages
from .resources import teach_files
from .stacks import Stacks
from .status import Status
from .table import Table, find_functions


def _open_pipe(fd, mode):
    return sys.__jbo(fd, mode)  # not in a class, where such a name is mangled

_REHEARSALS = 20
_REHEARSED = b'{"request_id":"1","command":"rehearse","data":{"a":1,"b":"c"}}\n'
_BATCHES = (_REHEARSED, 5 * _REHEARSED)  # their answers take different ways


class Stage:
    """A part of the start: what goes wrong in it is told to the daemon, and ends the worker."""

    def __init__(self, worker, name):
        self._worker = worker
        self._name = name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None or self._worker.forked():
            return False
        if self._worker.is_listening():
            self._worker.end_own_loop(error)
            return True
        return self._worker.fail(self._name, error)


class Worker:
    def __init__(self, program):
        self._pipe_in = program["PipeIn"]
        self._pipe_out = program["PipeOut"]
        self._status_in = program["StatusIn"]
        self._page_fds = [program[name] for name in ("Counters", "Wanted") if name in program]
        self._extra_files = program.get("ExtraFiles", ())
        self._key_values = program["KVPairs"]
        self._describer = Describer(program["Program"]["Path"])
        self.answers = Answers(program["MaxResponseSize"], self._describer)
        self._pages = Pages()
        self.events = Events(self._pages)
        self._table = Table({})
        self._methods = {}  # what the daemon is told of them
        self._output = Output(1, 2)
        self.max_request_size = program.get("MaxRequestSize", 0)
        self._link = caller.Link(self._pipe_in, self._pipe_out, self.max_request_size,
                                 self._output.current)
        self._is_frozen = False
        self._main_has_ended = False  # when its template begins to fork workers
        self._loop = None  # once all is prepared for it, ...
        self._ready = None  # ... as is the line that tells it
        self._template_of = None  # the program, in the process that its workers are forked from
        self._template = None  # kept in workers, too: to take it apart takes memory
        self._exit = None  # the SystemExit by which the main module has ended
        self.forks = None  # in its template: what is done at a fork
        self._interrupter = Interrupter(self._pages, self.events, self._output.current)
        self._stacks = Stacks(self.events)
        self.status = Status(self._status_in)
        self.current = self._output.current
        self._own_loop = OwnLoop(self, self._pipe_in, self._pipe_out)

    @property
    def origin(self):
        return self._link.origin

    def stage(self, name):
        return Stage(self, name)

    def prepare(self):
        """Descriptors, output, signals and the attributes of the jumpboot package: before any code
        of the program runs, and once, also for the workers that are forked from a template."""
        self._attach()
        self._output.install()
        # Not SIG_IGN, which the processes that a program starts would inherit.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        self._interrupter.install()
        for fd in (*self._descriptors(), *sys.extra_file_descriptors):
            os.set_inheritable(fd, False)
        self._extra_files = self._note_files(self._extra_files)
        os.register_at_fork(after_in_child=self._after_fork)
        own_loop.own_loop = self._own_loop
        jumpboot.Pipe_in = io.TextIOWrapper(io.BufferedReader(RequestPipe(self._pipe_in)),
                                            encoding="utf-8")
        jumpboot.Pipe_out = _open_pipe(self._pipe_out, "w")
        jumpboot.Status_in = _open_pipe(self._status_in, "w")
        for name, value in self._key_values.items():
            self._add_key_value(name, value)
        teach_files()
        self.origin.follow_threads()

    def _note_files(self, files):
        """The files that are opened, as they are before the program can have closed any."""
        if not any(files):
            return []
        from .extra_files import ExtraFile
        return [ExtraFile(fd, file["Path"], file["Flags"], file["Permissions"])
                for fd, file in zip(sys.extra_file_descriptors, files) if file]

    def _open_files_anew(self, files):
        for file in files:
            file.open_anew()

    def reserve_pages(self, address_of):
        """In a template: what a forked worker is to map, and where."""
        return self._pages.reserve(address_of, *self._page_fds)

    def _attach(self):
        """Takes up the pages that this process shares with the daemon, if there are any."""
        if self._page_fds and stat.S_ISREG(os.fstat(self._page_fds[0]).st_mode):
            self._pages.attach(*self._page_fds)
            self._stacks.install(self._pages.fd)
        else:
            faulthandler.enable(2)

    def _descriptors(self):
        return self._pipe_in, self._pipe_out, self._status_in, *self._page_fds

    def _add_key_value(self, name, value):
        if name in jumpboot.__all__ or name.startswith("__"):
            raise ValueError('the key-value "%s" would hide jumpboot.%s: name it otherwise'
                             % (name, name))
        setattr(jumpboot, name, value)

    def _after_fork(self):
        """In a forked child that is no worker: it reads no requests, and nothing that it does can
        be an answer."""
        self._pages.detach()
        self._stacks.after_fork()
        self._interrupter.after_fork()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in self._descriptors():
            os.dup2(null, fd, inheritable=False)
        os.close(null)
        self._output.after_fork()
        self.status.after_fork()

    def wait_for_debugger(self, program, paths):
        """If the program has a debug_port: the debugger, once a client is there."""
        if "DebugPort" not in program:
            return None
        from .debugger import Debugger
        debugger = Debugger(program["DebugPort"], program["BreakOnStart"], self.status)
        debugger.wait(paths)
        return debugger

    def forked(self):
        """Whether this is a child of the worker: what it raises is its own affair."""
        return self._output.current.forked

    def fail(self, stage, error):
        """Tells the daemon, and ends the process at once, whatever threads it has."""
        self._output.stop_holding()
        try:
            self.status.exception(stage, self._describer.describe(error))
            self._flush()
        finally:
            os._exit(1)

    def start(self):
        """Runs the functions that the program marked with on_start."""
        for function in hooks.on_start:
            self._run(function)

    def make_template(self, program, forks):
        """From here on this is the process that workers are forked from, and no worker itself."""
        self._template_of = program
        self.forks = forks

    def fork_workers(self, main_has_ended=True):
        """In a template: forks workers for as long as any are wanted, and is False at its end.
        True in each of them, and in a process that is no template."""
        self._main_has_ended = main_has_ended
        program, self._template_of = self._template_of, None
        if program is None:
            return True
        with self.stage("main"):
            from .template import Template
            template = self._template = Template(self, program)
        with self.stage("fork"):
            if not template.serve():
                return False
            # The daemon knows it by now, and is told of errors.
            self._open_files_anew(self._extra_files)
        return True

    def _run(self, function):
        result = function()
        if hasattr(result, "__await__"):
            self.events.run(result)

    def prepare_workers(self):
        """In a template: runs what its workers will, so that Python has seen it, and does for them
        what can be done."""
        pages = Pages()
        pages.reserve(id, -1, -1)  # of the types that the workers' have
        loop = Loop(Table({"rehearse": dict}), self.answers, self.events, self._output, pages,
                    self._link)
        for number in range(_REHEARSALS):
            requests, answers = os.pipe(), os.pipe()
            os.write(requests[1], _BATCHES[number % len(_BATCHES)])
            os.close(requests[1])
            loop.serve(requests[0], answers[1])
            Status(answers[1]).ready(b"\n")
            with self.stage("fork"):
                self._open_files_anew(())
            for fd in (requests[0], *answers):
                os.close(fd)
        if self._main_has_ended and not hooks.on_start:  # nothing that could change anything
            self._prepare_loop(None)

    def is_prepared(self):
        """Whether the template has prepared all that it serves requests with."""
        return self._loop is not None

    def make_table(self, main):
        functions = find_functions(main, hooks)
        if self._table.holds(functions):
            return
        self._table = Table(functions)
        if any(method.is_async for method in self._table.methods.values()):
            import asyncio  # noqa: F401  not at the first call, which would wait for it
        self._methods = self._reduced(self._table.describe())

    def _reduced(self, methods):
        """The descriptions, as far as the daemon takes them."""
        reduced = reduce(methods)
        if reduced:
            self.status.log("warning", "the descriptions of the %d functions are too long: %s"
                            % (len(methods), reduced))
        return methods

    def serve(self):
        """Tells the daemon that the worker is ready, and answers requests to the pipe's end."""
        if self._loop is None and self._own_loop.has_begun_at_last():
            self._own_loop.wait()
            self._end()
            if self._exit is not None:
                raise self._exit
            return
        if self._loop is None:
            self._prepare_loop(self._methods)
            self._methods = None
        self.status.ready(self._ready)
        self._loop.serve(self._pipe_in, self._pipe_out)
        if not self.forked():
            self._end()

    def _prepare_loop(self, methods):
        self._prepare_ready(methods, counters=self._pages.fd is not None)
        caller.use(self._link)
        self._loop = Loop(self._table, self.answers, self.events, self._output, self._pages,
                          self._link)

    def _prepare_ready(self, methods, **traits):
        hooks.late = lambda message: self.status.log("warning", message)
        self._settle()
        self._ready = Status.line_of_ready(methods, **traits)

    def report_template(self, unfit):
        """Tells the daemon what workers that are forked from here can do, or why none can be."""
        self._flush()
        self._settle()
        self.status.template(self._methods, unfit)
        self._methods = None

    # A main module that reads the requests itself

    def is_listening(self):
        return self._own_loop.has_begun

    def has_own_loop(self):
        return self._own_loop.is_expected()

    def fork_here(self):
        """In a template, forks workers from within the main module: returns in each of them."""
        if not self.fork_workers(main_has_ended=False):
            atexit._run_exitfuncs()  # as Python does at the end, which is not here
            self._flush()
            os._exit(0)

    def listen(self, describe, accepts_any, is_server):
        """Tells the daemon that the worker is ready, from within the main module."""
        with self.stage("on_start"):
            self.start()
        self._prepare_ready(self._reduced(describe()), any_command=accepts_any(),
                            positional=is_server)
        self.status.ready(self._ready)

    def tell_methods(self, methods, accepts_any):
        """Tells it of others than those that it was ready with."""
        self.status.methods(self._reduced(methods), accepts_any)

    def end_own_loop(self, error):
        """The main module has ended with this: a loop may well end so when no more requests come."""
        if isinstance(error, EOFError) and self._own_loop.reader.over.is_set():
            return
        if isinstance(error, SystemExit):
            self._exit = error
            return
        self._output.stop_holding()
        try:
            self._output.complain(format_traceback(error))
            self._flush()
        finally:
            os._exit(1)

    def end_lines(self):
        """At the end of a request: what it has printed is its own."""
        if self.current.partial:
            self._output.end_lines()

    # The end

    def _settle(self):
        self._output.end_lines()
        if not self._is_frozen:  # else it would write to what a template shares with its workers
            gc.collect()
            gc.freeze()  # what the modules made stays: the collector need not look at it again
        self._is_frozen = True

    def run_exit_functions(self):
        """Once, in the thread that has run the functions."""
        self._output.stop_holding()
        while hooks.on_exit:
            self._guarded(self._run, hooks.on_exit.pop())
        self._guarded(self.events.close)

    def _end(self):
        self.run_exit_functions()
        self._flush()
        self._output.install()  # for what Python itself does at the end
        try:
            self.status.exit()
        except BrokenPipeError:
            pass

    def _flush(self):
        """Flushes what the program may have put in the place of the standard streams."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "flush"):
                self._guarded(stream.flush)

    def _guarded(self, function, *args):
        """One function that fails at the end does not keep the others from being run."""
        try:
            function(*args)
        except BaseException as error:
            if self.forked():
                raise
            self._output.complain(format_traceback(error))
