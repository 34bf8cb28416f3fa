# SPDX-License-Identifier: MIT
"""A host for one template: plays the daemon's part towards the process that workers are forked from.

What is forked becomes a child of this process, which is a subreaper meanwhile.
"""
import ctypes
import json
import os
import select
import socket
import struct

from worker_host import (DEADLINE, EXTRA_FD, Drain, LineReader, StartFailed, WorkerHost, program)

PR_SET_CHILD_SUBREAPER = 36
SO_PASSCRED = 16
SCM_CREDENTIALS = 2


def _be_subreaper(is_one):
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(is_one), 0, 0, 0) != 0:
        raise OSError("no subreaper")


class TemplateHost(WorkerHost):
    """One template and the workers that were forked from it."""

    def __init__(self, main, **options):
        self.workers = []
        _be_subreaper(1)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.setsockopt(socket.SOL_SOCKET, SO_PASSCRED, 1)
        names = ("python", "args", "env", "cwd")
        process = {name: options.pop(name) for name in names if name in options}
        text = {**program(main, **options), "Control": EXTRA_FD}
        self.text = text
        with theirs:
            super().__init__(main, extra_fds=[theirs.fileno()], text=text, **process)

    def template(self):
        """Waits until it can fork, and returns what it told."""
        self.log = []
        while True:
            message = self.status()
            assert message is not None, "the template ended: %s" % self.err.whole().decode()
            if message["type"] == "exception":
                raise StartFailed(message)
            if message["type"] == "status":
                assert message["message"] == "template"
                return message
            self.log.append(message)

    def command(self, fds, environment=None, parent=None):
        """Sends the command for one worker; its number."""
        self._serial += 1
        message = {"number": self._serial, "parent": parent or os.getpid(),
                   "environment": environment or {}}
        socket.send_fds(self.control, [json.dumps(message).encode()], fds)
        return self._serial

    def reply(self):
        """The next message on the control socket, and the pid of its sender."""
        assert select.select([self.control], [], [], DEADLINE)[0], "no reply came"
        data, ancillary, _, _ = self.control.recvmsg(4096, socket.CMSG_SPACE(12))
        assert data, "the template has closed the control socket"
        (_, kind, credentials), = ancillary
        assert kind == SCM_CREDENTIALS
        return json.loads(data), struct.unpack("iii", credentials)[0]

    def fork(self, **options):
        """A worker, ready."""
        worker = ForkedHost(self, **options)
        self.workers.append(worker)
        worker.told = worker.ready()
        return worker

    def close(self):
        self.control.close()
        return super().close()

    def __exit__(self, *exception):
        for worker in self.workers:
            worker.__exit__(*exception)
        super().__exit__(*exception)
        self.control.close()
        _be_subreaper(0)


class ForkedHost(WorkerHost):
    def __init__(self, template, environment=None):
        self._prepare()
        pipes = [self._high_pipe() for _ in range(5)]
        pipes[0].reverse()
        ours, theirs = zip(*pipes)
        number = template.command(
            (*theirs, self.pages.counters_fd, self.pages.wanted_fd), environment)
        for fd in theirs:
            os.close(fd)
        self.pipe_in = ours[0]
        self.answers, self.statuses = LineReader(ours[1]), LineReader(ours[2])
        self.out, self.err = Drain(ours[3]), Drain(ours[4])
        told, self.pid = template.reply()
        assert told == {"number": number}
