# SPDX-License-Identifier: MIT
"""A host for one worker: plays the daemon's part towards the Python side of the bootstrap.

It starts Python with the descriptors of bootstrap/spawn.h, feeds the second stage and a program
text as bootstrap/program.h describes it, and talks the wire of the worker's pipes. Every wait has
a deadline; a worker that does not keep it is killed, and what it wrote to stderr is told.
"""
import base64
import ctypes
import fcntl
import json
import os
import pathlib
import select
import signal
import threading
import time

from shared_pages import NUDGE, SharedPages

BOOTSTRAP = pathlib.Path(__file__).resolve().parents[2] / "bootstrap"
PIPE_IN, PIPE_OUT, STATUS_IN, BOOTSTRAP_FD, PROGRAM_FD, COUNTERS, WANTED, EXTRA_FD = range(3, 11)
DEADLINE = 60.0
_libc = ctypes.CDLL(None, use_errno=True)


def pythons():
    """The interpreters to test with: /usr/bin/python3 and those of JUMPBOOT_PYTHONS."""
    listed = os.environ.get("JUMPBOOT_PYTHONS", "").split(":")
    found = ["/usr/bin/python3", *(path for path in listed if path)]
    return [path for path in dict.fromkeys(found) if os.access(path, os.X_OK)]


def _base64(source):
    data = source.encode() if isinstance(source, str) else source
    return base64.b64encode(data).decode()


def module(name, source, path=None):
    found = {"Name": name, "Path": path or "<%s>" % name, "Source": _base64(source)}
    if path is None and isinstance(source, str):
        found["Text"] = True
    return found


def package(name, files, path=None):
    """A package of files, {"__init__.py": source, "sub/table.json": bytes}."""
    path = path or "/virtual/" + name
    found = {"Name": name, "Path": path, "Modules": [], "Packages": [], "Data": []}
    folders = {}
    for file, source in files.items():
        first, slash, rest = file.partition("/")
        if slash:
            folders.setdefault(first, {})[rest] = source
        elif file.endswith(".py"):
            found["Modules"].append(module(file[:-3], source, path + "/" + file))
        else:
            found["Data"].append({"Name": file, "Source": _base64(source)})
    for folder, inner in folders.items():
        found["Packages"].append(package(folder, inner, path + "/" + folder))
    return found


def jumpboot_package():
    files = {file.name: file.read_bytes() for file in sorted((BOOTSTRAP / "jumpboot").glob("*.py"))}
    return package("jumpboot", files, "<jumpboot>")


def program(main, modules=None, packages=None, key_values=None, path=None, max_response_size=0,
            max_request_size=0):
    """The program text's object. modules and packages: {name: source}, {name: {file: source}}."""
    made = [module(name, source) if isinstance(source, (str, bytes)) else module(name, *source)
            for name, source in (modules or {}).items()]
    return {
        "Name": "calc", "Path": path or "<calc>", "Program": module("calc", main, path),
        "Modules": made,
        "Packages": [jumpboot_package(),
                     *(package(name, files) for name, files in (packages or {}).items())],
        "KVPairs": key_values or {},
        "PipeIn": PIPE_IN, "PipeOut": PIPE_OUT, "StatusIn": STATUS_IN,
        "Counters": COUNTERS, "Wanted": WANTED, "MaxResponseSize": max_response_size,
        "MaxRequestSize": max_request_size,
    }


class StartFailed(Exception):
    """The worker told an exception instead of being ready; .status is the message."""

    def __init__(self, status):
        super().__init__(status["traceback"])
        self.status = status


class Drain(threading.Thread):
    """Collects all that comes out of a descriptor."""

    def __init__(self, fd):
        super().__init__(daemon=True)
        self._fd = fd
        self._changed = threading.Condition()
        self._data = b""
        self._ended = False
        self.start()

    def run(self):
        while True:
            chunk = os.read(self._fd, 65536)
            with self._changed:
                self._data += chunk
                self._ended = not chunk
                self._changed.notify_all()
            if not chunk:
                os.close(self._fd)
                return

    def data(self):
        with self._changed:
            return self._data

    def wait_for(self, text):
        """All data, once it contains the text."""
        with self._changed:
            came = self._changed.wait_for(lambda: text in self._data or self._ended, DEADLINE)
            assert came and text in self._data, "%r never came; there is %r" % (text, self._data)
            return self._data

    def whole(self):
        """All data up to the end."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended, DEADLINE), "the pipe stays open"
            return self._data


def _inheritable():
    """Descriptors that this process was started with, or that were made so on purpose."""
    found = []
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            if os.get_inheritable(number):
                found.append(number)
        except OSError:
            pass  # the folder that was being read
    return found


def _feed(fd, data):
    def run():
        try:
            with open(fd, "wb") as pipe:
                pipe.write(data)
        except BrokenPipeError:
            pass  # the worker ended before it had read all: its status says why
    threading.Thread(target=run, daemon=True).start()


class LineReader:
    """Lines from a descriptor, with a deadline for each."""

    def __init__(self, fd):
        self.fd = fd
        self._parts = []
        self._lines = []

    def line(self):
        """The next line without its newline; None at the end."""
        deadline = time.monotonic() + DEADLINE
        while not self._lines:
            if not select.select([self.fd], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise TimeoutError("no line came")
            chunk = os.read(self.fd, 1 << 20)
            if not chunk:
                assert not self._parts, "the pipe ended within a line: %r" % self._parts
                return None
            *ended, rest = chunk.split(b"\n")
            if ended:
                ended[0] = b"".join(self._parts) + ended[0]
                self._parts = []
                self._lines.extend(ended)
            if rest:
                self._parts.append(rest)
        return self._lines.pop(0)


class WorkerHost:
    """One worker, from spawn to exit; a context manager that leaves no process behind."""

    def __init__(self, main, python=None, args=(), extra_fds=(), env=None, cwd=None, text=None,
                 **parts):
        self.python = python or pythons()[0]
        self._prepare()
        ours, theirs = {}, {}
        for name, child_reads in (("pipe_in", True), ("pipe_out", False), ("status", False),
                                  ("bootstrap", True), ("program", True), ("out", False),
                                  ("err", False)):
            read, write = self._high_pipe()
            ours[name], theirs[name] = (write, read) if child_reads else (read, write)
        self.pid = self._spawn(theirs, args, extra_fds, env, cwd)
        for fd in theirs.values():
            os.close(fd)
        self.pipe_in = ours["pipe_in"]
        self.answers, self.statuses = LineReader(ours["pipe_out"]), LineReader(ours["status"])
        self.out, self.err = Drain(ours["out"]), Drain(ours["err"])
        _feed(ours["bootstrap"], (BOOTSTRAP / "secondary.py").read_bytes())
        _feed(ours["program"], json.dumps(text or program(main, **parts)).encode())

    def _prepare(self):
        self._serial = 0
        self.exit_status = None
        self._is_over = threading.Event()
        self._nudgers = []
        self.pages = SharedPages()

    @staticmethod
    def _high_pipe():
        """A pipe whose numbers are above those that the child wants."""
        pair = os.pipe()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for fd in pair]
        for fd in pair:
            os.close(fd)
        return high

    def _spawn(self, theirs, args, extra_fds, env, cwd):
        primary = (BOOTSTRAP / "primary.py").read_text()
        primary = primary.replace("{{BOOTSTRAP_FD}}", str(BOOTSTRAP_FD))
        extras = [str(EXTRA_FD + number) for number in range(len(extra_fds))]
        argv = [self.python, "-u", "-c", primary, str(BOOTSTRAP_FD), str(len(extras)), *extras,
                *args]
        null = os.open(os.devnull, os.O_RDONLY)
        high_extras = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for fd in extra_fds]
        wanted = [null, theirs["out"], theirs["err"], theirs["pipe_in"], theirs["pipe_out"],
                  theirs["status"], theirs["bootstrap"], theirs["program"], self.pages.counters_fd,
                  self.pages.wanted_fd, *high_extras]
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(wanted)]
        actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable() if fd >= len(wanted)]
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(env or {})}
        if cwd:  # posix_spawn has no folder to start in
            argv = ["/usr/bin/env", "-C", str(cwd), *argv]
        pid = os.posix_spawn(argv[0], argv, environment, file_actions=actions, setpgroup=0)
        for fd in (null, *high_extras):
            os.close(fd)
        return pid

    # The status pipe

    def status(self):
        """The next status message; None at the end."""
        line = self.statuses.line()
        return None if line is None else json.loads(line)

    def ready(self):
        """Waits until the worker is ready and returns its methods; keeps the log messages."""
        self.log = []
        while True:
            message = self.status()
            if message is None:
                self.wait()
                raise AssertionError("the worker ended: %s" % self.err.whole().decode())
            if message["type"] == "exception":
                raise StartFailed(message)
            if message["type"] == "status":
                assert message["message"] == "ready"
                self.counts = message.get("counters")
                self.accepts_any = message.get("any_command", False)
                return message.get("methods")  # those of a template are known
            self.log.append(message)

    # Requests

    def send(self, data):
        while data:
            data = data[os.write(self.pipe_in, data):]

    def request(self, function, params=None, serial=None):
        """A request line, and its serial."""
        self._serial += 1
        serial = serial or str(self._serial)
        data = params if isinstance(params, bytes) else json.dumps(
            {} if params is None else params, separators=(",", ":")).encode()
        return b'{"request_id":"%s","command":%s,"data":%s}\n' % (
            serial.encode(), json.dumps(function).encode(), data), serial

    def answer(self):
        line = self.answers.line()
        if line is None:
            self.wait()
            raise AssertionError("the worker ended (%s): %s"
                                 % (self.exit_status, self.err.whole().decode()))
        return json.loads(line, parse_constant=_refuse_constant)

    def call(self, function, params=None):
        """Sends a request and returns the whole answer; params may be JSON text as bytes."""
        line, serial = self.request(function, params)
        sender = threading.Thread(target=self.send, args=(line,), daemon=True)
        if len(line) > 4096:
            sender.start()
        else:
            self.send(line)
        answer = self.answer()
        assert answer["request_id"] == serial
        return answer

    def result(self, function, params=None):
        answer = self.call(function, params)
        assert "result" in answer, answer
        return answer["result"]

    def error(self, function, params=None):
        """The answer's error: its data, with the message and the kind of the wire checked."""
        answer = self.call(function, params)
        assert "result" not in answer, answer
        assert answer["data"]["kind"] == answer["kind"]
        return {**answer["data"], "error": answer["error"]}

    # Interrupts and stacks

    def interrupt(self, ordinal, is_cancelled=False):
        """The daemon does not want its n-th request any more. The signal is sent until that has
        ended: one that comes just before a system call is begun does not keep that from waiting."""
        self.pages.want(ordinal, is_cancelled)
        self.signal("USR1")
        nudger = threading.Thread(target=self._nudge, args=(ordinal,), daemon=True)
        self._nudgers.append(nudger)
        nudger.start()

    def _nudge(self, ordinal):
        while not self._is_over.wait(NUDGE) and self.pages.counts()[1] < ordinal:
            self.signal("USR1")

    def interrupted(self, ordinal, is_cancelled=False):
        """The answer to a request that is interrupted."""
        self.interrupt(ordinal, is_cancelled)
        return self.answer()

    def signal(self, name):
        """It goes to the main thread: Python does not wake that up for what another one has got."""
        number = {"SHOW": signal.SIGRTMIN + 8, "DUMP": signal.SIGRTMIN + 9}.get(name)
        number = number or getattr(signal, "SIG" + name)
        if _libc.tgkill(self.pid, self.pid, number) != 0:
            raise OSError(ctypes.get_errno(), "tgkill")

    def show(self):
        """The worker's stacks, as text."""
        self.pages.rewind()
        self.signal("SHOW")
        return self.pages.wait_for_text(lambda: self.signal("SHOW"))

    # The end

    def end_input(self):
        if self.pipe_in is not None:
            os.close(self.pipe_in)
            self.pipe_in = None

    def wait(self):
        """The exit status (negative: the signal) of a worker that is about to end."""
        if self.exit_status is None:
            pidfd = os.pidfd_open(self.pid)
            ended = select.select([pidfd], [], [], DEADLINE)[0]
            os.close(pidfd)
            if not ended:
                self.kill()
                raise TimeoutError("the worker does not end: %s" % self.err.data().decode())
            self._reap()
        return self.exit_status

    def close(self):
        """Ends the worker in good order and returns its exit status."""
        self.end_input()
        return self.wait()

    def kill(self):
        os.killpg(self.pid, signal.SIGKILL)
        self._reap()

    def _reap(self):
        self._is_over.set()
        for nudger in self._nudgers:
            nudger.join()
        status = os.waitpid(self.pid, 0)[1]
        self.exit_status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.exit_status is None:
            self.kill()
        self.end_input()
        os.close(self.answers.fd)
        os.close(self.statuses.fd)
        self.pages.close()


def _refuse_constant(text):
    raise AssertionError("the answer contains %s, which is not JSON" % text)
