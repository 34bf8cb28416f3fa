# SPDX-License-Identifier: MIT
"""The program's extra_files, where workers are forked from a template."""
import os
import stat


class ExtraFile:
    """A file that the template was given, which each worker opens for itself, as if it had been
    spawned: where it stands in the file is its own then, and a file that has another name by now is
    let go."""

    def __init__(self, fd, path, flags, permissions):
        self._fd = fd
        self._path = path
        self._flags = flags
        self._permissions = permissions
        self._file = self._which()

    def _which(self):
        """What the descriptor is; None if the program has closed it."""
        try:
            status = os.fstat(self._fd)
        except OSError:
            return None
        return status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode)

    def open_anew(self):
        if self._file is None or self._which() != self._file:
            return  # the program has closed it, and what has its number now is something else
        # Nobody waits for the other end of a FIFO.
        opened = os.open(self._path, self._flags | os.O_NONBLOCK | os.O_NOCTTY, self._permissions)
        os.set_blocking(opened, True)
        position = _position(self._fd)
        os.dup2(opened, self._fd, inheritable=False)
        os.close(opened)
        if position and self._which() == self._file:  # a part of it has been read for all
            os.lseek(self._fd, position, os.SEEK_SET)


def _position(fd):
    try:
        return os.lseek(fd, 0, os.SEEK_CUR)
    except OSError:  # it has none
        return 0
