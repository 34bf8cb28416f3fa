# SPDX-License-Identifier: MIT
"""Named shared memory of POSIX, the same that C programs open with shm_open(3).

Nobody but the program takes a name away: there is no process that keeps account of what is in use,
as multiprocessing has one.
"""
import errno
import mmap
import os

_FOLDER = "/dev/shm"
_NAME_MAX = 255


def path_of(name, prefix=""):
    """Where glibc's shm_open(3) and, with its prefix, sem_open(3) have the object of that name."""
    if not isinstance(name, str):
        raise TypeError("the name must be a str, not %s" % type(name).__qualname__)
    plain = name[1:] if name.startswith("/") else name
    if not plain or plain in (".", "..") or "/" in plain or "\0" in plain:
        raise ValueError("a name has one / at most, which stands in front, and something behind "
                         "it: %r" % name)
    path = os.path.join(_FOLDER, prefix + plain)
    if len(os.fsencode(prefix + plain)) > _NAME_MAX:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
    return path


def take_away(path):
    """Removes the name of an object; that it has none any more is as good."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _make(path, size, permissions, contents):
    """Makes the object, with its contents before anybody can see it. FileExistsError if there is
    one of this path."""
    fd = os.open(_FOLDER, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, permissions)
    try:
        free = os.fstatvfs(fd)
        if size > free.f_frsize * free.f_bavail:  # who uses what is not there dies of SIGBUS
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.truncate(fd, size)
        os.pwrite(fd, contents, 0)
        # With the descriptor of a folder, which counts for nothing here, Python calls linkat(2).
        os.link("/proc/self/fd/%d" % fd, path, src_dir_fd=fd, follow_symlinks=True)
    except OSError as error:
        os.close(fd)
        raise OSError(error.errno, os.strerror(error.errno), path) from None
    except BaseException:
        os.close(fd)
        raise
    return fd


def _open(path, size, create, read_only, permissions, contents):
    """A descriptor of the object. create None: it is made if it is not there and can be."""
    flags = (os.O_RDONLY if read_only else os.O_RDWR) | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        if not create:
            try:
                return os.open(path, flags)
            except FileNotFoundError:
                if create is False or read_only or not size:
                    raise
        try:
            return _make(path, size, permissions, contents)
        except FileExistsError:  # somebody else was faster
            if create:
                raise


class SharedMemory:
    """A piece of memory that processes share by its name, as a file of bytes and as a buffer.

    SharedMemory("frames", 1 << 20) opens it, or makes it if it is not there; without a size it is
    opened as large as it is. create=True: it must not be there yet; create=False: it must be.
    Who makes it decides its size, its permissions, and the contents that it begins with: zeros,
    unless they are given. It lives until somebody calls unlink(), or the system is started anew.
    """

    def __init__(self, name, size=0, *, create=None, read_only=False, permissions=0o600,
                 contents=b""):
        self._map = None
        self._path = path_of(name)
        _check_size(size, create, read_only)
        if len(contents) > size:
            raise ValueError("%d bytes of contents are more than the size, %d"
                             % (len(contents), size))
        fd = _open(self._path, size, create, read_only, permissions, contents)
        try:
            self._attach(name, fd, size, read_only)
        finally:
            os.close(fd)

    @classmethod
    def from_descriptor(cls, fd, size=0, *, read_only=False):
        """That which a descriptor stands for, such as one of sys.extra_file_descriptors."""
        memory = cls.__new__(cls)
        memory._map = memory._path = None
        _check_size(size, None, read_only)
        memory._attach(None, fd, size, read_only)
        return memory

    def _attach(self, name, fd, size, read_only):
        there = os.fstat(fd).st_size
        called = "descriptor %d" % fd if name is None else "shared memory %s" % name
        if there == 0:
            raise ValueError("%s has no bytes: who made it has not given it a size yet" % called)
        if there < size:
            raise ValueError("%s has %d bytes, and %d were asked for" % (called, there, size))
        access = mmap.ACCESS_READ if read_only else mmap.ACCESS_WRITE
        self._map = mmap.mmap(fd, size or there, access=access)
        self.name = name
        self.size = size or there
        self.read_only = read_only

    def _mapped(self):
        if self._map is None:
            raise ValueError("the shared memory is closed")
        return self._map

    @property
    def buffer(self):
        """All of it as a memoryview. The memory stays as long as there is one, or an array on it."""
        return memoryview(self._mapped())

    @property
    def closed(self):
        return self._map is None

    def read(self, size=-1):
        """The next bytes, or all that are left; fewer, in the end none, at the end."""
        return self._mapped().read(size)

    def write(self, data):
        """Writes bytes, or whatever has a buffer, and returns how many. What does not fit is not
        begun."""
        mapped = self._mapped()
        with memoryview(data) as view:
            length, room = view.nbytes, self.size - mapped.tell()
            if self.read_only:
                raise TypeError("the shared memory was opened read_only")
            if length > room:
                raise ValueError("%d bytes do not fit: %d are left of %d" % (
                    length, room, self.size))
            return mapped.write(view) if length else 0

    def seek(self, offset, whence=os.SEEK_SET):
        mapped = self._mapped()
        mapped.seek(offset, whence)
        return mapped.tell()

    def tell(self):
        return self._mapped().tell()

    def close(self):
        """Ends its use here. What others have of it stays as it is, and so does its name."""
        self._map = None  # unmapped with the last buffer of it

    def unlink(self):
        """Takes its name away: nobody can open it any more, who has it keeps it."""
        if self._path is None:
            raise ValueError("shared memory that came with a descriptor has no name")
        take_away(self._path)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __len__(self):
        return self.size

    def __repr__(self):
        return "<jumpboot.SharedMemory %s, %s>" % (
            "of a descriptor" if self.name is None else repr(self.name),
            "closed" if self.closed else "%d bytes" % self.size)


def _check_size(size, create, read_only):
    if not isinstance(size, int) or size < 0:
        raise ValueError("the size must be a whole number of bytes, not %r" % (size,))
    if create and not size:
        raise ValueError("shared memory is made with a size of at least one byte")
    if create and read_only:
        raise ValueError("shared memory that is read_only is opened, not made")
