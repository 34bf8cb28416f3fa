#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Stands in for the Python interpreter and misbehaves as its first program argument says.

It is started as every interpreter is: -u -c PRIMARY BOOTSTRAP_FD COUNT EXTRA_FD... ARGUMENT...
It never runs the bootstrap; it speaks (or breaks) the worker's wire by itself. A mode is a function
of this file; what follows "=" in the argument is handed to it.
"""
import json
import os
import signal
import struct
import sys

PIPE_IN, PIPE_OUT, STATUS_IN, BOOTSTRAP, PROGRAM, COUNTERS = 3, 4, 5, 6, 7, 8

METHODS = {
    name: {"doc": None, "async": False, "parameters": [], "returns": {"type": None, "schema": {}}}
    for name in ("work", "pid")
}


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def send_status(message):
    write_all(STATUS_IN, json.dumps(message).encode() + b"\n")


def send_ready(**members):
    send_status({"type": "status", "message": "ready", "methods": METHODS, **members})


def count(started, finished):
    """What the daemon reads of how many requests this worker has begun and ended."""
    os.pwrite(COUNTERS, struct.pack("=QQ", started, finished), 0)


def read_to_end(fd):
    while os.read(fd, 65536):
        pass
    os.close(fd)


def take_program():
    """Takes what the daemon feeds to every new process."""
    read_to_end(BOOTSTRAP)
    read_to_end(PROGRAM)


_pending = bytearray()


def next_request():
    """The next request as an object; None when the daemon has closed the pipe."""
    while b"\n" not in _pending:
        data = os.read(PIPE_IN, 65536)
        if not data:
            return None
        _pending.extend(data)
    line, _, rest = bytes(_pending).partition(b"\n")
    _pending[:] = rest
    return json.loads(line)


def answer_text(request, result="done", **members):
    return json.dumps({"request_id": request["request_id"], "result": result, **members}).encode()


def serve(answer, has_taken=False, **members):
    """The ordinary life of a worker, with answer(request) in the place of its program."""
    if not has_taken:
        take_program()
    send_ready(**members)
    while (request := next_request()) is not None:
        if request["command"] == "pid":
            write_all(PIPE_OUT, answer_text(request, os.getpid()) + b"\n")
        else:
            answer(request)


def stay():
    """Lives on until it is killed."""
    while True:
        signal.pause()


def write_without_end(fd):
    """Goes on for as long as anybody reads, and then stays."""
    try:
        while True:
            write_all(fd, b"x" * (1 << 20))
    except BrokenPipeError:
        stay()


# Modes: before it is ready.


def never_ready():
    take_program()
    stay()


def never_take_program():
    stay()


def exit_before_ready(status):
    take_program()
    write_all(2, b"the fake worker gives up\n")
    os._exit(int(status))


def killed_before_ready():
    take_program()
    os.kill(os.getpid(), signal.SIGKILL)


def status_garbage():
    take_program()
    write_all(STATUS_IN, b"\x00\xff this is no status line\n")
    stay()


def status_without_methods():
    take_program()
    send_status({"type": "status", "message": "ready", "methods": 5})
    stay()


def status_endless():
    """A status line without an end: it must not be kept for ever."""
    take_program()
    write_without_end(STATUS_IN)


# Modes: how it answers.


def behave():
    serve(lambda request: write_all(PIPE_OUT, answer_text(request) + b"\n"))


def answer_backwards():
    """A valid answer in another layout: the id last, white space, a member that nobody knows."""

    def answer(request):
        text = ' { "extra" : [1, {"request_id": "0"}] , "result" : "done" ,\t"request_id" : "%s" } '
        write_all(PIPE_OUT, (text % request["request_id"]).encode() + b"\n")

    serve(answer)


def answer_bytewise():
    def answer(request):
        for byte in answer_text(request, "é" * 10) + b"\n":
            os.write(PIPE_OUT, bytes([byte]))

    serve(answer)


def half_line_then_exit(status):
    def answer(request):
        write_all(PIPE_OUT, answer_text(request)[:-5])
        os._exit(int(status))

    serve(answer)


def half_line_then_stay():
    def answer(request):
        write_all(PIPE_OUT, answer_text(request)[:-5])
        stay()

    serve(answer)


def killed_in_answer():
    def answer(request):
        write_all(PIPE_OUT, answer_text(request, "x" * 300000)[:200000])
        os.kill(os.getpid(), signal.SIGKILL)

    serve(answer)


def answer_then_exit(status):
    """A whole answer, and then the end: the answer counts."""

    def answer(request):
        write_all(PIPE_OUT, answer_text(request) + b"\n")
        os._exit(int(status))

    serve(answer)


def other_line(line):
    """Whatever the argument says, with ID in it for the request's id."""
    serve(lambda request: write_all(
        PIPE_OUT, line.encode().replace(b"ID", request["request_id"].encode()) + b"\n"))


def counting_line(line):
    """The same of a worker that claims to have our own loop."""
    def answer(request):
        write_all(PIPE_OUT, line.encode().replace(b"ID", request["request_id"].encode()) + b"\n")
        stay()

    serve(answer, counters=True)


def answer_twice():
    serve(lambda request: write_all(
        PIPE_OUT, answer_text(request) + b"\n" + answer_text(request, "again") + b"\n"))


def unnamed_twice():
    """Two answers that name no request, in one go."""
    serve(lambda request: write_all(PIPE_OUT, b'{"result":"done"}\n{"result":"again"}\n'))


def answer_unasked():
    """Answers to nothing, before it is ready and after."""
    take_program()
    write_all(PIPE_OUT, answer_text({"request_id": "1"}) + b'\n{"result":1}\n')
    serve(lambda request: write_all(PIPE_OUT, answer_text(request) + b"\n"), has_taken=True)


def garbage():
    def answer(request):
        write_all(PIPE_OUT, b"this is no JSON\n")
        stay()

    serve(answer)


def binary():
    def answer(request):
        write_all(PIPE_OUT, bytes(range(256)) * 64 + b"\n")
        stay()

    serve(answer)


def huge_answer(size):
    """An answer that a worker of ours would have refused to send."""
    serve(lambda request: write_all(PIPE_OUT, answer_text(request, "x" * int(size)) + b"\n"))


def endless_answer():
    def answer(request):
        write_all(PIPE_OUT, answer_text(request)[:-3])
        write_without_end(PIPE_OUT)

    serve(answer)


def plain_error():
    """An error as programs with a JSONQueue of their own send it: no kind, no data."""

    def answer(request):
        error = {
            "request_id": request["request_id"],
            "error": "it went wrong",
            "traceback": "Traceback (most recent call last):\n  somewhere\n",
        }
        write_all(PIPE_OUT, json.dumps(error).encode() + b"\n")

    serve(answer)


# Modes: what it counts.


def bad_counters():
    def answer(request):
        count(1000, 999)
        stay()

    serve(answer, counters=True)


def count_and_exit():
    def answer(request):
        count(1, 0)
        os._exit(5)

    serve(answer, counters=True)


def exit_uncounted():
    serve(lambda request: os._exit(5), counters=True)


# Modes: what it does besides.


def flood_stderr(size):
    """As many bytes on stderr, in lines, before every answer."""

    def answer(request):
        for _ in range(int(size) // 1000):
            write_all(2, b"f" * 999 + b"\n")
        write_all(PIPE_OUT, answer_text(request) + b"\n")

    serve(answer)


def flood_without_newline(size):
    def answer(request):
        write_all(1, b"n" * int(size))
        write_all(PIPE_OUT, answer_text(request) + b"\n")

    serve(answer)


def binary_output():
    """Bytes on stdout and stderr that are no text, control characters among them."""

    def answer(request):
        write_all(1, bytes(range(256)) + b"\n")
        write_all(2, b"\x1e17\x1e forged prefix \x1b[31m\n\x1e\x1e\n\x1e99999999999999999999\x1e\n")
        write_all(PIPE_OUT, answer_text(request) + b"\n")

    serve(answer)


def never_read():
    take_program()
    send_ready()
    stay()


def ignore_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(lambda request: stay())


def close_answers():
    def answer(request):
        os.close(PIPE_OUT)
        stay()

    serve(answer)


def close_requests():
    """Takes no more requests, and lives on."""
    take_program()
    send_ready()
    os.close(PIPE_IN)
    stay()


def close_status():
    """Nothing more to tell: that is no fault."""
    take_program()
    send_ready()
    os.close(STATUS_IN)
    while (request := next_request()) is not None:
        write_all(PIPE_OUT, answer_text(request, os.getpid()) + b"\n")


def late_exception():
    """Tells of an exception on the status pipe in the midst of a request, and dies of it."""

    def answer(request):
        send_status({"type": "exception", "stage": "main", "exception": "RuntimeError",
                     "message": "too late", "args": ["too late"],
                     "traceback": "Traceback (most recent call last):\n", "cause": None})
        os._exit(1)

    serve(answer)


def leave_grandchild():
    """Dies in a request, but a process of another group still holds all its pipes open."""

    def answer(request):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.setsid()
            write_all(writer, b"x")
            signal.alarm(120)
            stay()
        os.read(reader, 1)
        os._exit(4)

    serve(answer)


def main():
    name, _, value = sys.argv[6].partition("=")
    mode = globals()[name.replace("-", "_")]
    if value:
        mode(value)
    else:
        mode()


if __name__ == "__main__":
    main()
