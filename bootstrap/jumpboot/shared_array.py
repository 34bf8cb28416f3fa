# SPDX-License-Identifier: MIT
"""Arrays of numpy in shared memory, behind the header that Jumpboot gives them:

    rank         32 bits, unsigned
    dimensions   32 bits each, unsigned
    type         numpy's name of it, 16 bytes, filled up with zeros
    byte order   "L" or "B", of the elements and of the numbers above

The elements follow at once, in C order, wherever that is: they need not be aligned.
"""
import operator
import struct
import sys

from .requirement import need
from .shared_memory import SharedMemory

_RANK_MAX = 32  # numpy's own before version 2
_DIMENSION_MAX = (1 << 32) - 1
_TYPE_LENGTH = 16
_KINDS = "biufc"  # numbers and booleans: nothing that is a pointer, or has parts
_ORDERS = {b"L": "<", b"B": ">"}
_NATIVE = b"L" if sys.byteorder == "little" else b"B"


def _numpy():
    return need("numpy", "jumpboot.SharedArray", "python3-numpy")


def _header_length(rank):
    return 4 + 4 * rank + _TYPE_LENGTH + 1


def _order_of(buffer):
    """The byte order, by the byte that says so: it stands where the rank, read so, has it."""
    largest = 0
    for mark, order in _ORDERS.items():
        rank, = struct.unpack_from(order + "I", buffer)
        end = _header_length(rank)
        if rank <= _RANK_MAX and end <= len(buffer) and bytes(buffer[end - 1:end]) == mark:
            return order, rank
        largest = max(largest, end if rank <= _RANK_MAX else 0)
    if largest > len(buffer):
        raise ValueError("the header of the array is cut off: it has %d bytes of %d"
                         % (len(buffer), largest))
    raise ValueError("there is no header of an array: its byte order must be L or B, and its rank "
                     "%d at most" % _RANK_MAX)


def _type_of(numpy, text):
    name = text.rstrip(b"\0")
    try:
        dtype = numpy.dtype(name.decode("ascii"))
    except (TypeError, ValueError, SyntaxError):
        dtype = None
    if not name or dtype is None or dtype.kind not in _KINDS:
        raise ValueError("the type in the header of the array is none of numpy's numbers and "
                         "booleans: %r" % name)
    return dtype


def _view(numpy, buffer):
    """The array that stands in the buffer; ValueError says what is wrong with its header."""
    if len(buffer) < 4:
        raise ValueError("the header of the array is cut off: it has %d bytes" % len(buffer))
    order, rank = _order_of(buffer)
    end = _header_length(rank)
    shape = struct.unpack_from("%s%dI" % (order, rank), buffer, 4)
    dtype = _type_of(numpy, bytes(buffer[end - 1 - _TYPE_LENGTH:end - 1])).newbyteorder(order)
    _check_room(shape, dtype, end, len(buffer))
    return numpy.ndarray(shape, dtype, buffer, end)


def _size_of(shape, dtype):
    size = dtype.itemsize
    for length in shape:
        size *= length
    return size


def _check_room(shape, dtype, start, size):
    needed = start + _size_of(shape, dtype)
    if needed > size:
        raise ValueError("an array of %s and the shape %s takes %d bytes with its header, and there "
                         "are %d" % (dtype.name, shape, needed, size))


def _shape_of(shape):
    shape = tuple(shape) if hasattr(shape, "__iter__") else (shape,)
    if len(shape) > _RANK_MAX:
        raise ValueError("an array has %d dimensions at most" % _RANK_MAX)
    return tuple(map(_dimension, shape))


def _dimension(length):
    """Whole numbers of numpy's are as good as Python's own."""
    try:
        number = operator.index(length)
    except TypeError:
        number = -1
    if not 0 <= number <= _DIMENSION_MAX:
        raise ValueError("a dimension is a whole number from 0 to %d, not %r"
                         % (_DIMENSION_MAX, length))
    return number


def _header(shape, dtype):
    name = dtype.name.encode("ascii")
    if dtype.kind not in _KINDS or len(name) > _TYPE_LENGTH:
        raise ValueError("an array of %s cannot be shared: numbers and booleans can" % dtype)
    return struct.pack("=I%dI%dsc" % (len(shape), _TYPE_LENGTH), len(shape), *shape, name, _NATIVE)


class SharedArray:
    """A numpy array in shared memory: .array is the array itself.

    SharedArray("scores", (1000, 3), "float32") opens it, or makes it, all zeros, if it is not
    there; SharedArray("scores") opens what there is. create, read_only and permissions are those of
    SharedMemory. In place of a name there may be a SharedMemory: with a shape the header is
    written into it.
    """

    def __init__(self, memory, shape=None, dtype="float64", *, create=None, read_only=False,
                 permissions=0o600):
        numpy = _numpy()
        if shape is None and create:
            raise ValueError("an array is made with a shape")
        if shape is not None:
            shape, dtype = _shape_of(shape), numpy.dtype(dtype).newbyteorder("=")
        if isinstance(memory, SharedMemory):
            if shape is not None:
                _format(memory, shape, dtype)
            self.memory = memory
        else:
            self.memory = _open(memory, shape, dtype, create=create, read_only=read_only,
                                permissions=permissions)
        self._array = _view(numpy, self.memory.buffer)
        if shape is not None and (self._array.shape, self._array.dtype) != (shape, dtype):
            raise ValueError("the array %s is one of %s and the shape %s, and one of %s and the "
                             "shape %s was asked for" % (self.memory.name, self._array.dtype.name,
                                                         self._array.shape, dtype.name, shape))

    @property
    def array(self):
        if self._array is None:
            raise ValueError("the shared array is closed")
        return self._array

    def close(self):
        """Ends its use here; the memory stays as long as an array on it is in use."""
        self._array = None
        self.memory.close()

    def unlink(self):
        """Takes its name away: nobody can open it any more, who has it keeps it."""
        self.memory.unlink()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def _format(memory, shape, dtype):
    header = _header(shape, dtype)
    _check_room(shape, dtype, len(header), memory.size)
    memory.seek(0)
    memory.write(header)


def _open(name, shape, dtype, **how):
    """The memory of that name; one that is made has its header before anybody sees it."""
    if shape is None:
        return SharedMemory(name, **how)
    header = _header(shape, dtype)
    return SharedMemory(name, len(header) + _size_of(shape, dtype), contents=header, **how)
