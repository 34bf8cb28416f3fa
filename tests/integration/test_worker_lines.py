# SPDX-License-Identifier: MIT
"""JSONQueue over pipes of the test's own: what a time limit, a full pipe and threads do to lines."""
import pytest
from worker_fixtures import python, spawn, start  # noqa: F401

MAIN = '''
import fcntl, json, os, socket, threading, time
from jumpboot import JSONQueue

class Pipe:
    """A pipe of one page, with a queue at its writing end, and all that came out of it."""
    def __init__(self):
        self.readable, self.writable = os.pipe()
        fcntl.fcntl(self.writable, 1031, 4096)  # F_SETPIPE_SZ
        self.queue = JSONQueue(self.readable, self.writable)
    def fill(self, text="x"):
        """Puts until the next one does not fit; how many did."""
        count = 0
        while True:
            try:
                self.queue.put(text, timeout=0.01)
            except TimeoutError:
                return count
            count += 1
    def lines(self, count):
        data = b""
        while data.count(b"\\n") < count:
            data += os.read(self.readable, 65536)
        assert data.endswith(b"\\n") and data.count(b"\\n") == count, data[-100:]
        return [json.loads(line) for line in data.splitlines()]

def full_pipe():
    """What there was no room for has not been written at all, and can be written again."""
    pipe = Pipe()
    pipe.fill()
    errors = []
    for options in ({"timeout": 0.01}, {"block": False}, {"timeout": 0}):
        try:
            pipe.queue.put("late", **options)
        except (TimeoutError, BlockingIOError) as error:
            errors.append([type(error).__name__, str(error)])
    os.read(pipe.readable, 65536)
    pipe.queue.put("again", block=False)
    return errors, pipe.lines(1)

def begun():
    """A line that is longer than the pipe is finished by a thread; those behind it wait."""
    pipe = Pipe()
    long = "y" * 100000
    pipe.queue.put(long, timeout=0.01)
    try:
        pipe.queue.put("behind", timeout=0.01)
    except TimeoutError as error:
        told = str(error)
    later = threading.Thread(target=pipe.queue.put, args=("behind",))
    later.start()
    first, second = pipe.lines(2)
    later.join()
    return told, first == long, second

def reader_gone():
    pipe = Pipe()
    pipe.queue.put("z" * 100000, timeout=0.01)
    os.close(pipe.readable)
    pipe.queue.put("next")

def many_threads():
    """No line is torn, and none is lost."""
    pipe = Pipe()
    def put(number):
        for index in range(50):
            pipe.queue.put([number, index, "t" * (200 * index)])
    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    got, lock = [], threading.Lock()
    def get():
        while True:
            try:
                message = pipe.queue.get(timeout=0.005)
            except TimeoutError:
                continue
            if message is None:
                pipe.queue.put(None)
                return
            with lock:
                got.append(message[:2])
    readers = [threading.Thread(target=get) for _ in range(3)]
    for thread in threads + readers: thread.start()
    for thread in threads: thread.join()
    pipe.queue.put(None)
    for thread in readers: thread.join()
    return sorted(got) == [[number, index] for number in range(8) for index in range(50)]

def late_bytes():
    """A get() that ends in the middle of a line leaves it to the next one."""
    pipe = Pipe()
    got = []
    for part in (b'{"a"', b': "\\xc3', b'\\xa9"}\\n{"b":', b" 1}\\n"):
        os.write(pipe.writable, part)
        try:
            got.append(pipe.queue.get(timeout=0.01))
        except TimeoutError:
            got.append(None)
    return got

def the_end():
    pipe = Pipe()
    os.write(pipe.writable, b"[1]\\n[2")
    os.close(pipe.writable)
    got = [pipe.queue.get()]
    for _ in range(2):
        try:
            pipe.queue.get()
        except EOFError as error:
            got.append(str(error))
    return got

def closed():
    pipe = Pipe()
    reader, writer = os.fdopen(pipe.readable), os.fdopen(pipe.writable, "w")
    queue = JSONQueue(reader, writer)
    ended = []
    def get():
        try:
            queue.get()
        except EOFError:
            ended.append("woken")
    thread = threading.Thread(target=get)
    thread.start()
    while not queue._pipes.reader._lock.locked(): pass
    queue.close()
    thread.join()
    for call in (queue.get, lambda: queue.put(1)):
        try:
            call()
        except (EOFError, BrokenPipeError) as error:
            ended.append(type(error).__name__)
    return ended, reader.closed, writer.closed

def not_json():
    pipe = Pipe()
    os.write(pipe.writable, b"nonsense\\n[1]\\n")
    try:
        pipe.queue.get()
    except ValueError:
        return pipe.queue.get()

def other_descriptors():
    """A socket that does not block takes what it can."""
    one, other = socket.socketpair()
    one.setblocking(False)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sender, receiver = JSONQueue(one, one), JSONQueue(other.fileno(), other.fileno())
    thread = threading.Thread(target=sender.put, args=("s" * 1000000,))
    thread.start()
    size = len(receiver.get())
    thread.join()
    return size

def wrong_values():
    pipe = Pipe()
    told = []
    for value in (float("nan"), {1, object()}, {"a": [lambda: 1]}, {(1, 2): 3}):
        try:
            pipe.queue.put(value)
        except (TypeError, ValueError) as error:
            told.append(str(error))
    pipe.queue.put([b"abc", {2, 1}])
    return told, pipe.queue.get()
'''


@pytest.fixture
def worker(start):
    return start(MAIN)


def test_a_full_pipe(worker):
    errors, lines = worker.result("full_pipe")
    text = "the pipe is full, and nobody has read from it"
    assert errors == [["TimeoutError", text], ["BlockingIOError", text], ["TimeoutError", text]]
    assert lines == ["again"]


def test_a_line_that_has_been_begun(worker):
    assert worker.result("begun") == ["another message is being written", True, "behind"]


def test_a_reader_that_goes_away(worker):
    assert worker.error("reader_gone")["exception"] == "BrokenPipeError"


def test_many_threads(worker):
    assert worker.result("many_threads") is True


def test_bytes_that_come_late(worker):
    assert worker.result("late_bytes") == [None, None, {"a": "é"}, {"b": 1}]


def test_the_end(worker):
    end = "there will be no more messages"
    assert worker.result("the_end") == [[1], end, end]


def test_closing(worker):
    assert worker.result("closed") == [["woken", "EOFError", "BrokenPipeError"], True, True]


def test_what_is_not_json(worker):
    assert worker.result("not_json") == [1]


def test_other_descriptors(worker):
    assert worker.result("other_descriptors") == 1000000


def test_values_that_json_does_not_know(worker):
    told, got = worker.result("wrong_values")
    assert [text.partition(":")[0] for text in told][0] == "message is nan"
    assert len(told) == 4 and all("JSON" in text for text in told)
    assert got == ["YWJj", [1, 2]]
