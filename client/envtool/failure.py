# SPDX-License-Identifier: MIT
"""How things go wrong, and what ends them before their time."""
import signal

# Exit statuses, as sysexits.h has them.
FAILED, DATA, NO_INPUT, UNAVAILABLE, OS_ERROR = 1, 65, 66, 69, 71
CANNOT_CREATE, IO_ERROR, TRY_AGAIN, NO_PERMISSION = 73, 74, 75, 77


class Failure(Exception):
    """What went wrong, for people, and the exit status that says so."""

    def __init__(self, text, status=FAILED):
        super().__init__(text)
        self.status = status


class Ended(BaseException):
    """A signal asks for the end."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _raise(number, _frame):
    raise Ended(number)


def heed_signals():
    """Ended is raised from now on; signals that are ignored stay so."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise)


def ignore_signals():
    """What is being undone has to come to its end."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
