# SPDX-License-Identifier: MIT
"""The daemon and its client, as the tests see them.

Nothing here sleeps for a guessed time: every wait is for a condition, ends at once when the daemon
has ended, and has a deadline, which JUMPBOOT_SLOW multiplies (for valgrind and slow machines).

JUMPBOOTD names the command to test ("valgrind -q jumpbootd" is one too); without it the daemon is
taken from the build folder that JUMPBOOT_BUILD names, or from PATH.
"""
import contextlib
import errno
import itertools
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import textwrap
import time
import traceback
from pathlib import Path

SLOW = float(os.environ.get("JUMPBOOT_SLOW", "1"))
DEADLINE = 30.0 * SLOW
PYTHON = "/usr/bin/python3"
TOOLS = Path(__file__).resolve().parent / "tools"

# What a daemon must never have written to its log.
SANITIZER_REPORT = re.compile(
    r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|: runtime error: "
    r"|==\d+== (Invalid|Conditional|Use of uninit|Process terminating|.* definitely lost)"
)

# The codes of the protocol, with the kind that stands in an error's data.
KIND_OF_CODE = {
    -32700: "parse_error",
    -32600: "invalid_request",
    -32601: "method_not_found",
    -32602: "invalid_params",
    -32603: "internal_error",
    -32000: "exception",
    -32001: "overloaded",
    -32002: "timeout",
    -32003: "worker_died",
    -32004: "shutting_down",
    -32005: "unavailable",
    -32006: "cancelled",
    -32007: "forbidden",
    -32008: "too_large",
    -32009: "call_refused",
}
CODE_OF_KIND = {kind: code for code, kind in KIND_OF_CODE.items()}


def daemon_command():
    """The command line that starts the daemon, without its options."""
    if "JUMPBOOTD" in os.environ:
        return shlex.split(os.environ["JUMPBOOTD"])
    if "JUMPBOOT_BUILD" in os.environ:
        return [str(Path(os.environ["JUMPBOOT_BUILD"]).resolve() / "jumpbootd")]
    return [shutil.which("jumpbootd") or "jumpbootd"]


def wait_until(condition, what, deadline=DEADLINE, watch=()):
    """The first true value that condition() gives.

    Fails when the deadline has passed, or when one of the watched descriptors (pidfds) becomes
    readable and the condition is still false.
    """
    end = time.monotonic() + deadline
    poller = select.poll()
    for descriptor in watch:
        poller.register(descriptor, select.POLLIN)
    pause = 1
    while True:
        ended = poller.poll(0)
        value = condition()
        if value:
            return value
        assert not ended, f"the daemon ended while waiting for {what}"
        assert time.monotonic() < end, f"waited {deadline:.0f} s in vain for {what}"
        poller.poll(pause)
        pause = min(pause * 2, 50)


def heed_signals():
    """For a process that is about to be started: signals reach it, whatever started the tests."""
    for number in signal.SIGINT, signal.SIGHUP:
        signal.signal(number, signal.SIG_DFL)


def source(text):
    """A program's "main" that is given as text."""
    return {"source": textwrap.dedent(text).lstrip("\n")}


def fake_worker(mode, **options):
    """A program whose interpreter is tools/fake_worker.py, misbehaving as `mode` says."""
    return {
        "main": source("raise SystemExit('the fake worker does not run this')"),
        "environment": {"python": str(TOOLS / "fake_worker.py")},
        "args": [mode],
        **options,
    }


# Processes, as /proc shows them.


def children_of(pid):
    """The processes whose parent is pid, the dead ones left out."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            state, parent = process_stat(int(entry))
            if parent == pid and state not in "ZX":
                found.append(int(entry))
    return sorted(found)


def process_stat(pid):
    """State letter and parent of a process; ("X", 0) if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
    return fields[0], int(fields[1])


def is_gone(pid):
    """Whether the process has ended (one that nobody has waited for yet has ended too)."""
    return process_stat(pid)[0] in "ZX"


def processes_with(mark):
    """The living processes with this text in their environment."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if mark.encode() in Path(f"/proc/{entry}/environ").read_bytes():
                    found.append(int(entry))
    return sorted(found)


def resident_kilobytes(pid, field="VmRSS"):
    """A memory figure of /proc/PID/status, in kilobytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1])


def as_user(function, uid, gid, groups=()):
    """What function() returns (any JSON) in a process of its own, as another user."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(groups)
            os.setgid(gid)
            os.setuid(uid)
            os.write(writable, json.dumps(function()).encode())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as result:
        text = result.read()
    assert os.waitpid(pid, 0)[1] == 0, "the process failed"
    return json.loads(text)


class Gate:
    """A door in a program's way: open(path) in a worker blocks there until the test opens it."""

    def __init__(self, path):
        self.path = str(path)
        self._writers = []
        os.mkfifo(self.path)

    def wait_entered(self):
        """Returns once a worker stands at the gate (and holds it there)."""
        self._writers.append(
            wait_until(self._try_open, f"a worker at the gate {self.path}")
        )

    def _try_open(self):
        try:
            return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return None

    def release(self):
        """Lets through who stands there; who comes later waits again."""
        while self._writers:
            os.close(self._writers.pop())


# What a program does at a gate: open() returns when the test has seen it, read() when it is let go.
GATE_SOURCE = """
def pass_gate(path):
    with open(path) as gate:
        gate.read()
    return "passed"
"""


class CallError(Exception):
    """An answer that is an error."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]
        self.message = error["message"]
        self.data = error["data"]
        self.kind = error["data"]["kind"]


def connect_socket(path, deadline=DEADLINE):
    """A connected socket. Waits (in the kernel) while the daemon's backlog is full."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        limit = struct.pack("ll", int(deadline), 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        connection.connect(str(path))
        connection.settimeout(deadline)
    except OSError:
        connection.close()
        raise
    return connection


class Client:
    """A plain blocking client: one socket, a line at a time."""

    def __init__(self, path, deadline=DEADLINE):
        self.socket = connect_socket(path, deadline)
        self._received = bytearray()
        self._ids = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.socket.close()

    # Bytes and lines.

    def send_raw(self, data):
        self.socket.sendall(data)

    def send_line(self, text):
        """Sends one line that is given as text, so that its very bytes are the test's choice."""
        self.send_raw(text.encode() + b"\n")

    def send(self, message):
        """Sends any JSON value as one line."""
        self.send_line(json.dumps(message, separators=(",", ":")))

    def half_close(self):
        """Ends the own direction; answers can still come."""
        self.socket.shutdown(socket.SHUT_WR)

    def receive_line(self):
        """The next line, without its newline; None if the daemon has closed the connection."""
        start = 0
        while (end := self._received.find(b"\n", start)) < 0:
            start = len(self._received)
            data = self.socket.recv(1 << 20)
            if not data:
                assert not self._received, f"half a line at the end: {bytes(self._received)!r}"
                return None
            self._received += data
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def receive(self):
        """The next line, parsed."""
        line = self.receive_line()
        assert line is not None, "the daemon closed the connection, an answer was due"
        return json.loads(line)

    def has_input(self):
        """Whether something could be read now, without waiting."""
        return bool(self._received) or bool(select.select([self.socket], [], [], 0)[0])

    def assert_closed(self):
        """The daemon has closed the connection, and sent nothing more before it."""
        try:
            line = self.receive_line()
        except ConnectionResetError:
            return
        assert line is None, f"expected the end, got {line!r}"

    # Requests.

    def request(self, method, params=None, **members):
        """Sends a request without waiting for its answer; returns its id."""
        identity = members.pop("id") if "id" in members else next(self._ids)
        message = {"jsonrpc": "2.0", "id": identity, "method": method, **members}
        if params is not None:
            message["params"] = params
        self.send(message)
        return identity

    def notify(self, method, params=None):
        message = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        self.send(message)

    def answer(self, method, params=None, **members):
        """The whole answer to a request, the only one under way on this connection."""
        identity = self.request(method, params, **members)
        answer = self.receive()
        assert answer["jsonrpc"] == "2.0"
        assert answer["id"] == identity, f"answer to another request: {answer}"
        return answer

    def call(self, method, params=None, **members):
        """The result of a request; an error is raised as a CallError."""
        return result_of(self.answer(method, params, **members))

    def error(self, method, params=None, **members):
        """The error that a request is answered with."""
        return error_of(self.answer(method, params, **members))

    def answer_to_line(self, text):
        """Sends a line as it stands and returns the parsed answer."""
        self.send_line(text)
        return self.receive()

    def receive_by_id(self, count):
        """The next `count` answers, in whatever order, by their id; no id may come twice."""
        answers = {}
        for _ in range(count):
            answer = self.receive()
            assert answer["id"] not in answers, f"answered twice: {answer}"
            answers[answer["id"]] = answer
        return answers


def result_of(answer):
    """The result in an answer, which must be one and nothing else."""
    if "error" in answer:
        raise CallError(answer["error"])
    assert set(answer) == {"jsonrpc", "id", "result"}, answer
    return answer["result"]


def error_of(answer):
    """The error in an answer, which must be one and well-formed: code, message, data.kind."""
    assert set(answer) == {"jsonrpc", "id", "error"}, f"no error: {str(answer)[:500]}"
    error = answer["error"]
    assert set(error) == {"code", "message", "data"}, error
    assert isinstance(error["message"], str) and error["message"], error
    assert error["data"]["kind"] == KIND_OF_CODE[error["code"]], error
    return error


class Daemon:
    """A jumpbootd of its own: folder, config, socket, log.

    programs   name → a source text, or the program's options
    server     options of jumpbootd.conf
    shared     options of the program set besides its programs
    sets       further program sets, by name
    files      path → text or bytes, written beside the config before the start
    ready      wait until every program has its workers; the state then reached is the one that
               assert_quiescent() expects to be come back to
    arguments, environment, wrapper, pass_fds, preexec: how the process is started
    """

    _count = itertools.count(1)

    def __init__(self, programs=None, *, server=None, shared=None, sets=None, files=None,
                 ready=True, arguments=(), environment=None, wrapper=(), pass_fds=(),
                 preexec=None):
        self.directory = Path(tempfile.mkdtemp(prefix="jumpbootd-test-"))
        self.mark = f"JUMPBOOT_TEST_MARK={os.getpid()}-{next(self._count)}"
        self.log_path = self.directory / "log"
        self.config_path = self.directory / "jumpbootd.conf"
        self.socket_path = Path((server or {}).get("listen", self.directory / "socket"))
        self.programs = {}
        self.expected_status = 0
        self.baseline = None
        self.process = None
        self.pidfd = -1
        self._is_ending = False
        self._clients = []
        self._arguments = list(arguments)
        self._environment = {**os.environ, **(environment or {})}
        self._wrapper = list(wrapper)
        self._pass_fds = pass_fds
        self._preexec = preexec
        try:
            self._write_files(files or {})
            self._write_config(programs or {}, server or {}, shared or {}, sets or {})
            self.start()
            if ready:
                self.wait_ready()
                self.baseline = self.snapshot()
        except BaseException:
            self.kill()
            raise

    # The folder.

    def _write_files(self, files):
        for name, content in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(textwrap.dedent(content).lstrip("\n"))

    def _write_config(self, programs, server, shared, sets):
        all_sets = {"tests": {**shared, "programs": programs}} if programs else {}
        all_sets.update(sets)
        for name, program_set in all_sets.items():
            marked = {}
            for program, options in program_set["programs"].items():
                if isinstance(options, str):
                    options = {"main": source(options)}
                key, value = self.mark.split("=")
                marked[program] = {**options, "env": {key: value, **options.get("env", {})}}
            self.programs.update(marked)
            text = json.dumps({**program_set, "programs": marked}, indent=2)
            (self.directory / f"{name}.conf").write_text(text)
        defaults = {"min_workers": 1, "max_workers": 1, **server.get("defaults", {})}
        config = {
            "listen": str(self.socket_path),
            "program_sets": [f"{name}.conf" for name in all_sets],
            **server,
            "defaults": defaults,
        }
        self.config_path.write_text(json.dumps(config, indent=2))

    def gate(self, name="gate"):
        return Gate(self.directory / name)

    # Start and end.

    def start(self):
        """Starts the process and waits until its socket answers."""
        command = [*self._wrapper, *daemon_command(), "--config", str(self.config_path),
                   *self._arguments]
        with open(self.log_path, "ab") as log:
            self._is_ending, self.expected_status = False, 0
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.directory, env=self._environment, pass_fds=self._pass_fds,
                preexec_fn=self._preexec,
            )
        self.pidfd = os.pidfd_open(self.process.pid)
        self.wait_for(self._answers_ping, "the socket to answer")

    def _answers_ping(self):
        try:
            with Client(self.socket_path) as client:
                return client.call("jumpbootd.ping")["pid"]
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    @property
    def pid(self):
        return self.process.pid

    def is_alive(self):
        """Whether it still serves: not if a test has ended it, or sent it the signal to end."""
        return self.process is not None and not self._is_ending and self.process.poll() is None

    def terminate(self, number=signal.SIGTERM):
        self._is_ending = True
        if number == signal.SIGKILL:
            self.expected_status = -signal.SIGKILL
        self.process.send_signal(number)

    def wait_end(self):
        """Waits until the process has ended; its exit status (negative: the signal)."""
        return self.process.wait(DEADLINE)

    def finish(self, check_quiescent=True):
        """Stops the daemon and checks all that has to be true at its end."""
        try:
            if self.is_alive() and check_quiescent and self.baseline:
                self.assert_quiescent()
            self.close_clients()
            if self.is_alive():
                self.terminate()
            status = self.wait_end()
            log = self.log()
            assert not SANITIZER_REPORT.search(log), log[-20000:]
            assert status == self.expected_status, f"exit status {status}\n{log[-5000:]}"
            wait_until(lambda: not processes_with(self.mark), "the last worker to be gone")
        finally:
            self.kill()

    def kill(self):
        """Leaves nothing behind, whatever state things are in."""
        self.close_clients()
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
        for pid in processes_with(self.mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    # Clients.

    def connect(self):
        """A new client; closed at the end of the test at the latest."""
        client = Client(self.socket_path)
        self._clients.append(client)
        return client

    def call(self, method, params=None, **members):
        """One call over a connection of its own."""
        with Client(self.socket_path) as client:
            return client.call(method, params, **members)

    def error(self, method, params=None, **members):
        with Client(self.socket_path) as client:
            return client.error(method, params, **members)

    def close_clients(self):
        while self._clients:
            self._clients.pop().close()

    # State.

    def status(self):
        return self.call("jumpbootd.status")

    def program_status(self, program):
        return self.status()["programs"][program]

    def wait_for(self, condition, what):
        """wait_until() that also ends, with the log's end, when the daemon has ended."""
        try:
            return wait_until(condition, what, watch=[self.pidfd])
        except AssertionError as error:
            raise AssertionError(f"{error}; the log's end:\n{self.log()[-5000:]}") from None

    def wait_ready(self, *programs):
        """Waits until the programs (all, if none is named) have the workers they should have."""
        names = programs or self.programs

        def are_ready():
            status = self.status()["programs"]
            return all(_is_settled(status[name]) for name in names)

        self.wait_for(are_ready, f"{', '.join(names)} to be ready")

    def workers(self):
        """The pids of the daemon's children."""
        return children_of(self.pid)

    def wait_worker_count(self, count):
        return self.wait_for(
            lambda: len(found := self.workers()) == count and (found or [0]), f"{count} workers"
        )

    def descriptors(self):
        """How many the daemon has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def snapshot(self):
        """What must be the same again after a test: (clients, in flight, buffered, fds, workers)"""
        with Client(self.socket_path) as client:
            status = client.call("jumpbootd.status")
            workers = {
                name: (program["state"], program["workers"]["idle"], program["queue"]["length"])
                for name, program in status["programs"].items()
            }
            return {
                "clients": status["clients"],
                "requests_in_flight": status["requests_in_flight"],
                "buffered": status["buffered"],
                "descriptors": self.descriptors(),
                "children": len(self.workers()),
                "workers": workers,
            }

    def assert_quiescent(self, since=None):
        """Everything is given back: connections, requests, memory of theirs, fds, workers."""
        self.close_clients()
        expected = since or self.baseline
        seen = {}

        def is_back():
            seen.clear()
            seen.update(self.snapshot())
            return seen == expected

        try:
            self.wait_for(is_back, "the daemon to be back where it was")
        except AssertionError as error:
            raise AssertionError(f"expected {expected}\nbut found {seen}\n{error}") from None

    # The log.

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_lines(self, text):
        """The lines of the log in which the text stands."""
        return [line for line in self.log().splitlines() if text in line]

    def wait_log(self, text, count=1):
        """Waits until the text stands in `count` lines of the log, and returns them."""
        found = []

        def is_there():
            found[:] = self.log_lines(text)
            return len(found) >= count

        self.wait_for(is_there, f"{text!r} in the log")
        return found


def _is_settled(program):
    workers = program["workers"]
    return (
        program["state"] == "ready"
        and workers["idle"] >= workers["min"]
        and not workers["starting"]
        and not workers["stopping"]
    )


def run_daemon(*arguments, **options):
    """Runs the daemon's command to its end, for what does not stay: --version, errors."""
    return subprocess.run(
        [*daemon_command(), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=DEADLINE, **options,
    )


def is_socket(path):
    return stat.S_ISSOCK(os.lstat(path).st_mode)


def is_instrumented():
    """Whether the daemon carries a sanitizer or runs under valgrind: its memory says nothing."""
    command = daemon_command()
    return len(command) > 1 or b"__asan_" in Path(command[0]).read_bytes()
