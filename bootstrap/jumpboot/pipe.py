# SPDX-License-Identifier: MIT
"""Descriptors that may not be ready."""
import os
import select


def wait_for(fd, event):
    """Waits until the descriptor is ready for it."""
    poll = select.poll()
    poll.register(fd, event)
    poll.poll()


def write_all(fd, data):
    """Writes all of the bytes, also where the pipe takes only a part or was made non-blocking."""
    try:
        written = os.write(fd, data)
    except BlockingIOError:
        written = 0
    if written == len(data):
        return
    with memoryview(data) as view:
        while written < len(view):
            try:
                written += os.write(fd, view[written:])
            except BlockingIOError:
                wait_for(fd, select.POLLOUT)
