# SPDX-License-Identifier: MIT
"""A booted systemd of its own ("the box"), with the project installed, as the tests see it.

Paths are those in the box. Processes start as root, with an environment that tells them nothing of
this machine. Nothing here sleeps for a guessed time: see harness.py, whose JUMPBOOT_SLOW counts
here too.
"""
import contextlib
import json
import os
import shutil
import subprocess
import textwrap
import time
from pathlib import Path

from harness import DEADLINE, Client, wait_until

HERE = Path(__file__).resolve().parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
UNITS = ("jumpbootd.service", "jumpbootd.socket")
SETTINGS = "/etc/jumpbootd"
# Users that the tests have: one may connect, the other may not.
MEMBER, STRANGER = "test-member", "test-stranger"
TEST_USERS = f"u {MEMBER} -\nu {STRANGER} -\nm {MEMBER} jumpboot\n"


def installable_build():
    """The build folder to install; run-system has seen to it that there is one."""
    return os.environ.get("JUMPBOOT_PLAIN_BUILD") or os.environ["JUMPBOOT_BUILD"]


class Box:
    socket_path = "/run/jumpbootd/jumpbootd.sock"

    def __init__(self):
        self._processes = []
        self._clients = []
        self._cursor = None
        # In a session of its own: an interrupt from the terminal is for pytest, which then closes
        # the pipe. However pytest ends, that closes, and the box goes.
        self._supervisor = subprocess.Popen(
            [HERE / "booted", installable_build()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, start_new_session=True,
        )
        self._leader = self._supervisor.stdout.readline().strip()
        if not self._leader:
            raise RuntimeError(f"no systemd came up, status {self._supervisor.wait()}")
        self._root = Path("/proc", self._leader, "root")
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.end_processes()
        self._supervisor.stdin.close()
        self._supervisor.wait()
        self._supervisor.stdout.close()

    def _prepare(self):
        """What an administrator does after the install, and what the tests need besides."""
        self.run("systemd-sysusers")
        self.run("systemd-tmpfiles", "--create")
        self.systemctl("daemon-reload")
        self.run("systemd-sysusers", "-", input=TEST_USERS)
        shutil.copytree(self.host_path(SETTINGS), self.host_path("/root/as-installed"), symlinks=True)

    # Files.

    def host_path(self, path):
        """The path by which this machine reaches a file in the box."""
        return self._root / str(path).lstrip("/")

    def write(self, path, text, mode=0o644):
        """Writes a file of root's, and the folders that it takes."""
        target = self.host_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            target.write_bytes(text)
        else:
            target.write_text(textwrap.dedent(text).lstrip("\n"))
        target.chmod(mode)
        return str(path)

    def read(self, path):
        return self.host_path(path).read_text()

    def exists(self, path):
        return os.path.lexists(self.host_path(path))

    def stat(self, path):
        return os.lstat(self.host_path(path))

    def remove(self, path):
        """Removes a file, or a folder with all in it; no matter if there is none."""
        target = self.host_path(path)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    def configure(self, conf):
        """Writes jumpbootd.conf: a dict, or text."""
        return self.write(f"{SETTINGS}/jumpbootd.conf", _as_json(conf))

    def programs(self, name, conf, **files):
        """Writes a program set, a dict or text, and files beside it: calc="def add(a, b): …" is
        calc.py."""
        for stem, text in files.items():
            self.write(f"{SETTINGS}/programs.d/{stem}.py", text)
        return self.write(f"{SETTINGS}/programs.d/{name}.conf", _as_json(conf))

    def drop_in(self, name, text, unit="jumpbootd.service"):
        """Writes a drop-in for a unit, and has systemd read it."""
        path = self.write(f"/etc/systemd/system/{unit}.d/{name}.conf", text)
        self.systemctl("daemon-reload")
        return path

    # Processes.

    def _command(self, arguments, user, group):
        # nsenter waits for the command, which has to end with it.
        become = ["setpriv", "--pdeathsig=KILL"]
        if user or group:
            # Names of the box, which this machine does not know.
            become += [f"--reuid={user or 'root'}", f"--regid={group or self._group_of(user)}",
                       "--clear-groups" if group else "--init-groups"]
        return ["nsenter", "-t", self._leader, "-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w", "--",
                "env", "-i", f"PATH={PATH}", "LANG=C.UTF-8", "TERM=dumb", *become,
                *map(str, arguments)]

    def _group_of(self, user):
        return self._account("passwd", user)[3]

    def user_id(self, user):
        return int(self._account("passwd", user)[2])

    def group_id(self, group):
        return int(self._account("group", group)[2])

    def _account(self, database, name):
        return self.run("getent", database, name).stdout.rstrip("\n").split(":")

    def run(self, *arguments, user=None, group=None, input=None, check=True):
        """Runs a command to its end. As another user: with his groups, or with this one alone."""
        done = subprocess.run(
            self._command(arguments, user, group), input=input, capture_output=True, text=True,
            timeout=2 * DEADLINE, **({"stdin": subprocess.DEVNULL} if input is None else {}),
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"{' '.join(map(str, arguments))} ended with {done.returncode}:\n"
                f"{done.stdout}{done.stderr}"
            )
        return done

    def popen(self, *arguments, user=None, group=None, **options):
        """Starts a command, with pipes; it is ended with the test at the latest."""
        pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
        process = subprocess.Popen(
            self._command(arguments, user, group), text=True, **{**pipes, **options}
        )
        self._processes.append(process)
        return process

    def end_processes(self):
        while self._clients:
            self._clients.pop().close()
        while self._processes:
            process = self._processes.pop()
            process.kill()
            process.wait()
            # Not communicate(): what the command has started may keep the other ends.
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()

    def call(self, method, params=None, **members):
        """One call, as root, over a connection of its own."""
        with Client(self.host_path(self.socket_path)) as client:
            return client.call(method, params, **members)

    def error(self, method, params=None, **members):
        """The error that one call is answered with."""
        with Client(self.host_path(self.socket_path)) as client:
            return client.error(method, params, **members)

    def connect(self):
        """A client, as root, which is closed at the end of the test."""
        client = Client(self.host_path(self.socket_path))
        self._clients.append(client)
        return client

    def start_clients(self, script, *words, user=None):
        """Runs one of the scripts that crowd.py speaks of."""
        for name in "crowd.py", script:
            path = self.write(f"/usr/local/lib/jumpbootd/{name}", (HERE / name).read_text(), 0o755)
        return self.popen("python3", path, self.socket_path, *words, user=user, stderr=None)

    def load(self, method, params=None, **options):
        """Clients that call the function all the time; see load.py."""
        return Load(self, method, params, **options)

    def wait(self, condition, what):
        """The first true value that condition() gives, before the deadline."""
        return wait_until(condition, what)

    def pass_time(self, seconds):
        """Returns when so much time has passed that a timeout of systemd's would have struck."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() > end, "the time to pass")

    # systemd.

    def wait_inactive(self):
        self.wait(lambda: self.show("ActiveState") == "inactive", "the service to be stopped")

    def systemctl(self, *arguments, check=True):
        return self.run("systemctl", "--no-pager", *arguments, check=check)

    def show(self, property, unit="jumpbootd.service"):
        """A property of a unit, as text."""
        return self.systemctl("show", "--value", f"--property={property}", unit).stdout.rstrip("\n")

    def journal(self, **fields):
        """The entries since the test began which have these fields, each a dict."""
        # What was sent before is there afterwards.
        self.run("journalctl", "--sync")
        # Not with journalctl's own matches: after a cursor it leaves out the first that fits.
        text = self.run("journalctl", "--quiet", "--output=json", "--all", *self._since()).stdout
        entries = [json.loads(line, object_hook=_with_text) for line in text.splitlines()]
        return [entry for entry in entries if _has(entry, fields)]

    def journal_text(self):
        self.run("journalctl", "--sync", check=False)
        return self.run("journalctl", "--quiet", "--no-pager", *self._since(), check=False).stdout

    def _since(self):
        return [f"--after-cursor={self._cursor}"] if self._cursor else []

    def wait_journal(self, text, **fields):
        """Waits until an entry with these fields has the text in its message; the entry."""
        def find():
            return next(
                (entry for entry in self.journal(**fields) if text in entry.get("MESSAGE", "")),
                None,
            )

        return self.wait(find, f"{text!r} in the journal")

    # As it was installed.

    def reset(self):
        """Stops everything and puts units, settings and state back to as they were installed."""
        self.end_processes()
        self._stop()
        for path in self._changed_unit_files():
            self.remove(path)
        self.remove(SETTINGS)
        shutil.copytree(self.host_path("/root/as-installed"), self.host_path(SETTINGS), symlinks=True)
        for path in ("/run/jumpbootd", "/var/lib/jumpbootd", "/var/cache/jumpbootd"):
            self.remove(path)
        self.systemctl("daemon-reload")
        self.run("systemd-tmpfiles", "--create", check=False)
        self._cursor = None
        shown = self.run("journalctl", "--quiet", "--lines=0", "--show-cursor", check=False).stdout
        self._cursor = shown.partition("cursor: ")[2].strip()

    def _stop(self):
        self.systemctl("stop", "--no-block", *UNITS, check=False)
        # Whatever state it is in: a test may have stopped its processes, or made them deaf.
        self.systemctl("kill", "--kill-whom=all", "--signal=KILL", UNITS[0], check=False)
        self.systemctl("stop", *UNITS, check=False)
        self.systemctl("reset-failed", check=False)

    def _changed_unit_files(self):
        for folder in ("/etc/systemd/system", "/run/systemd/system"):
            for path in self.host_path(folder).glob("**/jumpbootd.*"):
                yield Path("/", path.relative_to(self._root))


class Load:
    """Clients in the box that call a function all the time, each waiting for its answer.

    stop() returns the counts: answered, errors (by kind), refused (connections), lost (requests
    without an answer).
    """

    def __init__(self, box, method, params=None, clients=4, calls_per_connection=0, user=None):
        self._process = box.start_clients(
            "load.py", method, json.dumps(params), clients, calls_per_connection, user=user
        )
        assert self._process.stdout.readline() == "running\n", "the load did not begin"

    def stop(self):
        """Ends it, once each client has the answer it waits for."""
        output, _ = self._process.communicate("", timeout=2 * DEADLINE)
        return json.loads(output)


def _as_json(conf):
    return conf if isinstance(conf, str) else json.dumps(conf, indent=2)


def _has(entry, fields):
    """A field that stands more than once in an entry is a list."""
    for name, value in fields.items():
        found = entry.get(name)
        if str(value) not in (found if isinstance(found, list) else [found]):
            return False
    return True


def _with_text(entry):
    """journalctl gives bytes that are no plain text as a list of numbers."""
    return {
        name: bytes(value).decode(errors="surrogateescape")
        if isinstance(value, list) and all(isinstance(byte, int) for byte in value) else value
        for name, value in entry.items()
    }
