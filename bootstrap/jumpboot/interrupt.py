# SPDX-License-Identifier: MIT
"""What becomes of a request that is not wanted any more: it is skipped, or interrupted.

call() is the frame by which the code of a request is known: what runs above it is the request's
own, and nothing else is.
"""
from .pages import CELLS_MASK


class RequestInterrupted(BaseException):
    """Raised in a function whose result nobody waits for any more."""

    __module__ = "jumpboot"


class RequestTimeout(RequestInterrupted):
    """The time for this request is over."""

    __module__ = "jumpboot"


class RequestCancelled(RequestInterrupted):
    """The caller has cancelled this request, or has left."""

    __module__ = "jumpboot"


class Skipped(BaseException):
    """The request was not wanted any more before its function was called."""


def look():
    """To be called by our own code where it waits for somebody: what waits there is interrupted, if
    nobody wants it any more. The interrupter puts its own in the place of this one."""


def interruption(cell):
    """The exception for a request with this cell."""
    if cell & 1:
        return RequestCancelled("the request was cancelled")
    return RequestTimeout("the time for this request is over")


def call(wanted, ordinal, method, data):
    """Calls the function of a request.

    From the look at the cell on, an interrupt is raised in here or above; what came before it has
    left its word in the cell.
    """
    cell = wanted[ordinal & CELLS_MASK]
    if cell and cell >> 1 == ordinal:
        raise Skipped
    if data.__class__ is dict:
        return method.function(**data)
    if data.__class__ is list:
        return method.function(*data)
    raise TypeError("neither an object nor an array")
