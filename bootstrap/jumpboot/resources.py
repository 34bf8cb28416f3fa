# SPDX-License-Identifier: MIT
"""The files of an embedded package for importlib.resources."""
import binascii
import errno
import io
import sys


def _missing(code, text, path):
    return OSError(code, text, path)  # of the subclass that belongs to the code


class Resource:
    """A file or folder of an embedded package: what importlib.resources calls a Traversable."""

    def __init__(self, path, node):
        self._path = path  # virtual
        self._node = node  # base64 text of a file, {name: node} of a folder, None: not there

    @property
    def name(self):
        return self._path.rpartition("/")[2]

    def __str__(self):
        return self._path

    def __repr__(self):
        return "Resource(%r)" % self._path

    def is_dir(self):
        return isinstance(self._node, dict)

    def is_file(self):
        return isinstance(self._node, str)

    def iterdir(self):
        if not self.is_dir():
            raise _missing(errno.ENOTDIR, "Not an embedded folder", self._path)
        for name in self._node:
            yield self / name

    def joinpath(self, *parts):
        found = self
        for part in "/".join(map(str, parts)).split("/"):
            if part not in ("", "."):
                below = found._node.get(part) if found.is_dir() else None
                found = Resource(found._path + "/" + part, below)
        return found

    def __truediv__(self, part):
        return self.joinpath(part)

    def read_bytes(self):
        if self.is_dir():
            raise _missing(errno.EISDIR, "This is a folder", self._path)
        if self._node is None:
            raise _missing(errno.ENOENT, "This file is not embedded", self._path)
        return binascii.a2b_base64(self._node)

    def read_text(self, encoding=None, errors=None):
        with self.open("r", encoding=encoding or "utf-8", errors=errors) as text:
            return text.read()

    def open(self, mode="r", *args, **kwargs):
        if mode not in ("r", "rt", "rb"):
            raise ValueError("an embedded file can be opened with mode r or rb, not %r" % mode)
        data = io.BytesIO(self.read_bytes())
        return data if mode == "rb" else io.TextIOWrapper(data, *args, **kwargs)


class Reader:
    """The resource reader of an embedded package."""

    def __init__(self, folder, tree):
        self._root = Resource(folder, tree)

    def files(self):
        return self._root

    def open_resource(self, resource):
        return (self._root / resource).open("rb")

    def resource_path(self, resource):
        raise FileNotFoundError(errno.ENOENT, "An embedded file has no place on disk", resource)

    def is_resource(self, path):
        return (self._root / path).is_file()

    def contents(self):
        return (item.name for item in self._root.iterdir())


def teach_files():
    """importlib.resources.files() of Python 3.9 knows no readers: makes it ask them first."""
    if sys.version_info >= (3, 10):
        return
    from importlib import _common
    plain = _common.from_package

    def from_package(package):
        reader_of = getattr(package.__spec__.loader, "get_resource_reader", None)
        reader = reader_of(package.__spec__.name) if reader_of else None
        return reader.files() if hasattr(reader, "files") else plain(package)

    _common.from_package = from_package
