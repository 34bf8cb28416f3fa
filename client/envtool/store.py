# SPDX-License-Identifier: MIT
"""The folder in which the environments are, with their locks and markers."""
import contextlib
import ctypes
import datetime
import difflib
import fcntl
import json
import os
import re
import shutil
import stat
import sys
from pathlib import Path

from envtool.commands import Runner, libc
from envtool.failure import (CANNOT_CREATE, NO_INPUT, NO_PERMISSION, TRY_AGAIN, Failure,
                             ignore_signals)
from envtool.progress import Progress

LOCK = re.compile(r"\.(.+)\.lock")


def _claim(lock):
    """What has the lock's name is going to be half made, and nobody's but ours."""
    os.write(lock, b"half made\n")


def _is_claimed(lock):
    return os.fstat(lock).st_size > 0


class Making:
    """An environment while it is made: its folder, and what its marker is going to tell."""

    def __init__(self, folder, progress, lock):
        self.folder = folder
        self.progress = progress
        self.runner = Runner(progress, lock)
        self.python = folder / "bin/python3"
        now = datetime.datetime.now(datetime.timezone.utc)
        self.marker = {"created": now.strftime("%Y-%m-%dT%H:%M:%SZ")}


class Store:
    def __init__(self, folder, marker):
        self.folder = Path(folder)
        self._marker = marker

    def path(self, name):
        return self.folder / name

    def has(self, name):
        return (self.path(name) / self._marker).is_file()

    def names(self):
        with contextlib.suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self.folder) if self.has(name))
        return []

    def require(self, name):
        if self.has(name):
            return
        near = difflib.get_close_matches(name, self.names(), 1)
        more = f": did you mean \"{near[0]}\"?" if near else ""
        raise Failure(f"there is no environment \"{name}\" in {self.folder}{more}", NO_INPUT)

    def read_marker(self, name):
        """An object, whatever the file has become."""
        with contextlib.suppress(ValueError):
            marker = json.loads((self.path(name) / self._marker).read_text())
            if isinstance(marker, dict):
                return marker
        return {}

    @contextlib.contextmanager
    def locked(self, name):
        self._prepare()
        self._clean()
        lock = self._lock(name)
        if lock is None:
            raise Failure(f"another jumpbootctl is at work on \"{name}\": try again when it is done",
                          TRY_AGAIN)
        try:
            yield lock
        finally:
            self._unlock(name, lock)

    @contextlib.contextmanager
    def making(self, name):
        """Gives a Making; it is an environment at the end of the block. However else the block ends,
        nothing is left of it."""
        progress = Progress(name)
        with self.locked(name) as lock:
            self._require_room(name)
            _claim(lock)
            try:
                os.mkdir(self.path(name), 0o755)
                making = Making(self.path(name), progress, lock)
                yield making
                progress.begin("writing it to the disk")
                self._finish(making)
            except BaseException:
                ignore_signals()
                progress.end()
                self.remove(name, lock)
                raise
            progress.end()

    def remove(self, name, lock):
        """From the first step on it is none any more."""
        folder = self.path(name)
        with contextlib.suppress(OSError):  # to make room on a full disk
            _claim(lock)
        with contextlib.suppress(FileNotFoundError):
            (folder / self._marker).unlink()
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)

    def _require_room(self, name):
        if self.has(name):
            raise Failure(f"there is an environment \"{name}\" already: "
                          f"\"jumpbootctl env remove {name}\" removes it", CANNOT_CREATE)
        if os.path.lexists(self.path(name)):
            raise Failure(f"{self.path(name)} is there already, and is no environment that "
                          "jumpbootctl has made", CANNOT_CREATE)

    def _prepare(self):
        """Who else could write there could decide what workers run."""
        self.folder.mkdir(0o755, parents=True, exist_ok=True)
        for folder in (self.folder, self.folder.parent):
            info = folder.stat()
            if info.st_uid not in (0, os.geteuid()) or stat.S_IMODE(info.st_mode) & 0o022:
                raise Failure(f"{folder} can be written by others, who could change what workers "
                              "run: chown it to root, and chmod go-w", NO_PERMISSION)

    def _lock(self, name):
        """A descriptor; None: somebody else has it."""
        path = self.folder / f".{name}.lock"
        while True:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return None
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), os.stat(path)):
                    return lock
            os.close(lock)  # who held it has removed it just now

    def _unlock(self, name, lock):
        """What could not be removed stays claimed."""
        if self.has(name) or not _is_claimed(lock) or not os.path.lexists(self.path(name)):
            os.unlink(self.folder / f".{name}.lock")
        os.close(lock)

    def _clean(self):
        """Removes what was left half made, and is not being made."""
        for entry in sorted(os.listdir(self.folder)):
            name = LOCK.fullmatch(entry)
            lock = self._lock(name[1]) if name else None
            if lock is None:
                continue
            is_half_made = _is_claimed(lock) and not self.has(name[1])
            if is_half_made and os.path.lexists(self.path(name[1])):
                print(f"jumpbootctl: removing \"{name[1]}\", which was left half made",
                      file=sys.stderr, flush=True)
                self.remove(name[1], lock)
            self._unlock(name[1], lock)

    def _finish(self, making):
        """All else is on the disk before the marker is."""
        new = making.folder / f".{self._marker}.new"
        with open(new, "w", encoding="utf-8") as file:
            json.dump(making.marker, file, indent=2)
            file.write("\n")
            file.flush()
            if libc.syncfs(file.fileno()) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), str(making.folder))
        os.rename(new, making.folder / self._marker)
        folder = os.open(making.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
