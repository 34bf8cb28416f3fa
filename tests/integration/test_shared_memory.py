# SPDX-License-Identifier: MIT
"""Shared memory, shared arrays and semaphores, between workers and a C program that knows only
POSIX (tools/shared_peer.c)."""
import contextlib
import os
import pathlib
import re
import struct
import subprocess
import uuid

import pytest
from worker_fixtures import python, spawn, start  # noqa: F401
from worker_host import DEADLINE

SHM = pathlib.Path("/dev/shm")
build = os.environ.get("JUMPBOOT_BUILD")

needs_peer = pytest.mark.skipif(not build, reason="JUMPBOOT_BUILD does not say where it was built")


@pytest.fixture
def name():
    """A name that nobody else has; what it stood for is removed."""
    name = "jumpboot-test-" + uuid.uuid4().hex
    yield name
    for path in (SHM / name, SHM / ("sem." + name)):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


@pytest.fixture
def numpy(python):  # noqa: F811
    if subprocess.run([python, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("numpy is not installed for " + python)


def peer(*arguments):
    tool = pathlib.Path(build).resolve() / "tests/integration/tools/shared_peer"
    return subprocess.run([tool, *map(str, arguments)], check=True, stdout=subprocess.PIPE,
                          timeout=DEADLINE).stdout


MEMORY = '''
    import jumpboot
    from jumpboot import SharedMemory

    def write(name, size, text, **how):
        with SharedMemory(name, size, **how) as memory:
            return memory.write(text.encode()), memory.tell(), len(memory)

    def read(name, count=-1, at=0, **how):
        with SharedMemory(name, **how) as memory:
            memory.seek(at)
            return memory.read(count).decode()
'''


def test_memory_of_two_workers(start, name):
    one, other = start(MEMORY), start(MEMORY)
    assert one.result("write", {"name": name, "size": 8, "text": "warm"}) == [4, 4, 8]
    assert other.result("read", {"name": "/" + name}) == "warm\0\0\0\0"
    assert other.result("read", [name, 2, 1]) == "ar"
    assert one.close() == 0
    assert other.result("read", [name, 4]) == "warm", "it lives on without its maker"


@needs_peer
def test_memory_of_a_c_program(start, name):
    worker = start(MEMORY)
    peer("write", "/" + name, 100, "from C")
    assert worker.result("read", [name, 6]) == "from C"
    worker.result("write", [name, 100, "from Python"])
    assert peer("read", "/" + name, 11) == b"from Python"
    assert (SHM / name).stat().st_size == 100


def test_file_face(start, name):
    worker = start('''
        import io, jumpboot
        def run(name):
            memory = jumpboot.SharedMemory(name, 6, contents=b"abc")
            told = [memory.read(2), memory.read(), memory.read(), memory.seek(-2, io.SEEK_END)]
            told += [memory.write(memoryview(b"yz")), memory.write(b"")]
            memory.buffer[3] = ord("x")
            view = memory.buffer
            memory.close()
            told += [bytes(view), memory.closed, repr(memory)]
            memory.close()
            memory.unlink()
            memory.unlink()
            return [item.decode() if isinstance(item, bytes) else item for item in told]
    ''')
    assert worker.result("run", [name]) == [
        "ab", "c\0\0\0", "", 4, 2, 0, "abcxyz", True, "<jumpboot.SharedMemory '%s', closed>" % name]
    assert not (SHM / name).exists()


@pytest.mark.parametrize("expression, message", [
    ("SharedMemory(name)", "FileNotFoundError: [Errno 2] No such file or directory: '{path}'"),
    ("SharedMemory(name, 5, create=False)",
     "FileNotFoundError: [Errno 2] No such file or directory: '{path}'"),
    ("SharedMemory(name, 5, read_only=True)",
     "FileNotFoundError: [Errno 2] No such file or directory: '{path}'"),
    ("made(4) and SharedMemory(name, 5)",
     "ValueError: shared memory {name} has 4 bytes, and 5 were asked for"),
    ("made(4) and SharedMemory(name, 4, create=True)",
     "FileExistsError: [Errno 17] File exists: '{path}'"),
    ("made(0) or SharedMemory(name)",
     "ValueError: shared memory {name} has no bytes: who made it has not given it a size yet"),
    ("made(4) and SharedMemory(name).write(b'12345')",
     "ValueError: 5 bytes do not fit: 4 are left of 4"),
    ("made(4) and SharedMemory(name, read_only=True).write(b'1')",
     "TypeError: the shared memory was opened read_only"),
    ("SharedMemory(name, create=True)",
     "ValueError: shared memory is made with a size of at least one byte"),
    ("SharedMemory(name, -1)",
     "ValueError: the size must be a whole number of bytes, not -1"),
    ("SharedMemory(name, 1, contents=b'12')",
     "ValueError: 2 bytes of contents are more than the size, 1"),
    ("SharedMemory('a/b')", "ValueError: a name has one / at most, which stands in front, and "
                            "something behind it: 'a/b'"),
    ("SharedMemory(7)", "TypeError: the name must be a str, not int"),
    ("SharedMemory('x' * 256)", "OSError: [Errno 36] File name too long: '/dev/shm/" + "x" * 256
     + "'"),
    ("closed().read()", "ValueError: the shared memory is closed"),
    ("closed().buffer", "ValueError: the shared memory is closed"),
    ("SharedMemory.from_descriptor(0)",
     "ValueError: descriptor 0 has no bytes: who made it has not given it a size yet"),
])
def test_errors(start, name, expression, message):
    worker = start('''
        import os, jumpboot
        from jumpboot import SharedMemory
        def run(name):
            def made(size):
                with open("/dev/shm/" + name, "wb") as file:
                    return file.truncate(size)
            def closed():
                memory = SharedMemory(name, 1)
                memory.close()
                return memory
            %s
    ''' % expression)
    error = worker.error("run", [name])
    assert "%s: %s" % (error["exception"], error["message"]) == message.format(
        name=name, path=SHM / name)


def test_more_memory_than_there_is(start, name):
    """Who uses memory that is not there dies of SIGBUS: it is refused when it is made."""
    free = os.statvfs(SHM)
    error = start(MEMORY).error("write", [name, free.f_frsize * free.f_blocks + 1, "x"])
    assert (error["exception"], error["message"]) == (
        "OSError", "[Errno 28] No space left on device: '%s'" % (SHM / name))
    assert not (SHM / name).exists()


def test_who_comes_first_makes_it(start, name):
    """However many open it at one time, one of them makes it, and all see its contents."""
    main = '''
        import jumpboot
        def run(name):
            memory = jumpboot.SharedMemory(name, 4096, contents=b"whole" * 800)
            return memory.read(4000) == b"whole" * 800
    '''
    workers = [start(main) for _ in range(4)]
    for round in range(20):
        requests = [worker.request("run", [name + str(round)])[0] for worker in workers]
        for worker, line in zip(workers, requests):
            worker.send(line)
        assert all(worker.answer()["result"] for worker in workers)
        (SHM / (name + str(round))).unlink()


def test_nobody_keeps_account_of_it(start, name):
    """The resource tracker of multiprocessing takes away what its process has opened."""
    worker = start('''
        import jumpboot, sys
        from multiprocessing import resource_tracker
        def run(name):
            jumpboot.SharedMemory(name, 4)
            jumpboot.NamedSemaphore(name, 1)
            return resource_tracker._resource_tracker._fd
    ''')
    assert worker.result("run", [name]) is None
    assert worker.close() == 0
    assert (SHM / name).exists() and (SHM / ("sem." + name)).exists()


def test_a_descriptor(start):
    fd = os.memfd_create("test")
    os.truncate(fd, 8192)
    worker = start('''
        import sys, jumpboot
        def write(text, size=0):
            memory = jumpboot.SharedMemory.from_descriptor(sys.extra_file_descriptors[0], size)
            memory.write(text.encode())
            try:
                memory.unlink()
            except ValueError as error:
                return len(memory), memory.name, str(error)
    ''', extra_fds=[fd])
    refusal = "shared memory that came with a descriptor has no name"
    assert worker.result("write", ["first"]) == [8192, None, refusal]
    assert worker.result("write", ["again", 100]) == [100, None, refusal]
    assert os.pread(fd, 6, 0) == b"again\0"
    os.close(fd)


ARRAYS = '''
    import jumpboot

    def make(name, shape, dtype="float64", **how):
        array = jumpboot.SharedArray(name, shape, dtype, **how).array
        array[...] = 1.5
        return array.shape, array.dtype.name

    def show(name):
        array = jumpboot.SharedArray(name, read_only=True).array
        return array.shape, array.dtype.str, array.flags.writeable, array

    def fill(name, value):
        with jumpboot.SharedArray(name) as shared:
            array = shared.array
            shared.close()
            array += value
'''


def test_arrays_of_two_workers(start, numpy, name):
    one, other = start(ARRAYS), start(ARRAYS)
    assert one.result("make", [name, [2, 3], "int16"]) == [[2, 3], "int16"]
    other.result("fill", [name, 4])
    assert one.result("show", [name]) == [[2, 3], "<i2", False, [[5, 5, 5], [5, 5, 5]]]
    assert one.result("make", [name, [2, 3], "int16"]) == [[2, 3], "int16"]
    error = one.error("make", [name, [2, 3], "uint16"])
    assert error["message"] == (
        "the array %s is one of int16 and the shape (2, 3), and one of uint16 and the shape (2, 3) "
        "was asked for" % name)


@needs_peer
def test_arrays_of_a_c_program(start, numpy, name):
    worker = start(ARRAYS)
    peer("array", "/" + name, 2, 3)
    assert worker.result("show", [name]) == [
        [2, 3], "<f4", False, [[0, 0.5, 1], [1.5, 2, 2.5]]]
    worker.result("fill", [name, 1])
    assert peer("sum", "/" + name) == b"2 3 float32 L 13.5\n"
    (SHM / name).unlink()
    worker.result("make", [name, 5, "float32"])
    assert peer("sum", "/" + name) == b"5 float32 L 7.5\n"


def test_example_of_the_manual(start, numpy, name):
    page = pathlib.Path(__file__).resolve().parents[2] / "doc" / "jumpboot-python.7"
    example = re.search(r"^import jumpboot\n\nscores = .*?(?=^\.Ed)", page.read_text(), re.S | re.M)
    worker = start(example[0].replace('"scores"', repr(name)))
    for values in ([1, 2, 3], [1, 1, 1]):
        worker.result("add", {"row": 999, "values": values})
    assert start(ARRAYS).result("show", [name])[3][999] == [2, 3, 4]


def header(rank=1, shape=(2,), dtype=b"float32", order=b"L"):
    byte_order = ">" if order == b"B" else "<"
    return struct.pack("%sI%dI16sc" % (byte_order, len(shape)), rank, *shape, dtype, order)


@pytest.mark.parametrize("data, result", [
    (header() + struct.pack("<2f", 1, 2), [[2], "<f4", False, [1, 2]]),
    (header(order=b"B") + struct.pack(">2f", 1, 2), [[2], ">f4", False, [1, 2]]),
    (header(dtype=b"uint64") + struct.pack("<2Q", 1, 2) + b"more", [[2], "<u8", False, [1, 2]]),
    (header(0, (), b"bool") + b"\1", [[], "|b1", False, True]),
    (header(2, (0, 5)) + b"", [[0, 5], "<f4", False, []]),
])
def test_headers(start, numpy, name, data, result):
    (SHM / name).write_bytes(data)
    assert start(ARRAYS).result("show", [name]) == result


NO_HEADER = "there is no header of an array: its byte order must be L or B, and its rank 32 at most"
NO_TYPE = "the type in the header of the array is none of numpy's numbers and booleans: "


@pytest.mark.parametrize("data, message", [
    (b"x", "the header of the array is cut off: it has 1 bytes"),
    (b"\1\0\0\0\2\0", "the header of the array is cut off: it has 6 bytes of 25"),
    (header()[:-1], "the header of the array is cut off: it has 24 bytes of 25"),
    (header(33, (1,) * 33), NO_HEADER),
    (header(0xffffffff) + bytes(100), NO_HEADER),
    (header(order=b"?") + bytes(100), NO_HEADER),
    (bytes(100), NO_HEADER),
    (os.urandom(3) + b"\xff" + os.urandom(4000), NO_HEADER),
    (header(dtype=b"float33") + bytes(100), NO_TYPE + "b'float33'"),
    (header(dtype=b"") + bytes(100), NO_TYPE + "b''"),
    (header(dtype=b"O") + bytes(100), NO_TYPE + "b'O'"),
    (header(dtype=b"object") + bytes(100), NO_TYPE + "b'object'"),
    (header(dtype=b"f4,O") + bytes(100), NO_TYPE + "b'f4,O'"),
    (header(dtype=b"S8") + bytes(100), NO_TYPE + "b'S8'"),
    (header(dtype=b"a\0b") + bytes(100), NO_TYPE + r"b'a\x00b'"),
    (header(dtype=b"\xff\xfe") + bytes(100), NO_TYPE + r"b'\xff\xfe'"),
    (header(dtype=b"{'names':[}") + bytes(100), NO_TYPE + "b\"{'names':[}\""),
    (header() + bytes(7), "an array of float32 and the shape (2,) takes 33 bytes with its header, "
                          "and there are 32"),
    (header(2, (0xffffffff, 0xffffffff)) + bytes(64),
     "an array of float32 and the shape (4294967295, 4294967295) takes %d bytes with its header, "
     "and there are 93" % (4 * 0xffffffff ** 2 + 29)),
    (header(3, (0xffffffff,) * 3, b"float64") + bytes(64),
     "an array of float64 and the shape (4294967295, 4294967295, 4294967295) takes %d bytes with "
     "its header, and there are 97" % (8 * 0xffffffff ** 3 + 33)),
])
def test_bad_headers(start, numpy, name, data, message):
    (SHM / name).write_bytes(data)
    error = start(ARRAYS).error("show", [name])
    assert (error["exception"], error["message"]) == ("ValueError", message)


def test_header_that_numpy_refuses(start, numpy, name):
    """No elements, and yet more than numpy can count."""
    (SHM / name).write_bytes(header(3, (0, 0xffffffff, 0xffffffff)) + bytes(8))
    assert start(ARRAYS).error("show", [name])["exception"] == "ValueError"


@pytest.mark.parametrize("arguments, message", [
    ([[1] * 33], "an array has 32 dimensions at most"),
    ([[-1]], "a dimension is a whole number from 0 to 4294967295, not -1"),
    ([["2"]], "a dimension is a whole number from 0 to 4294967295, not '2'"),
    ([[2], "object"], "an array of object cannot be shared: numbers and booleans can"),
    ([[2], "S5"], "an array of |S5 cannot be shared: numbers and booleans can"),
    ([None], "an array is made with a shape"),
])
def test_arrays_that_cannot_be_made(start, numpy, name, arguments, message):
    worker = start(ARRAYS)
    keys = dict(zip(("shape", "dtype"), arguments))
    assert worker.error("make", {"name": name, "create": True, **keys})["message"] == message
    assert not (SHM / name).exists()


def test_dimensions_that_numpy_has_counted(start, numpy, name):
    worker = start("""
        import jumpboot, numpy
        def make(name):
            made = [jumpboot.SharedArray(name, shape, "u1").array.shape
                    for shape in (numpy.int64(3), [numpy.uint8(3)], numpy.array([3]))]
            jumpboot.SharedMemory(name).unlink()
            return made
    """)
    assert worker.result("make", [name]) == [[3]] * 3


def test_array_in_memory_without_a_name(start, numpy):
    fd = os.memfd_create("test")
    os.truncate(fd, 4096)
    worker = start('''
        import sys, jumpboot
        def run(shape):
            memory = jumpboot.SharedMemory.from_descriptor(sys.extra_file_descriptors[0])
            jumpboot.SharedArray(memory, shape, ">u4").array[:] = 7
            return jumpboot.SharedArray(memory).array
    ''', extra_fds=[fd])
    assert worker.result("run", [3]) == [7, 7, 7]
    assert os.pread(fd, 25 + 12, 0) == header(1, (3,), b"uint32") + struct.pack("<3I", 7, 7, 7)
    assert worker.error("run", [1018])["message"] == (
        "an array of uint32 and the shape (1018,) takes 4097 bytes with its header, and there are "
        "4096")
    os.close(fd)


def test_without_numpy(start, name, python):  # noqa: F811
    worker = start("import sys\nsys.modules['numpy'] = None\n"
                   "import jumpboot\ndef make(): jumpboot.SharedArray('%s', 3)" % name)
    error = worker.error("make")
    assert error["exception"] == "ModuleNotFoundError"
    assert error["message"] == (
        "jumpboot.SharedArray needs numpy, which is not in the environment of this program: "
        "install it there with '%s -m pip install numpy', or with the package python3-numpy if it "
        "is that of Debian or Ubuntu" % python)


SEMAPHORE = '''
    import time, jumpboot
    from jumpboot import NamedSemaphore

    held = []

    def open(name, value=None, **how):
        held.append(NamedSemaphore(name, value, **how))
        return held[-1].value

    def acquire(timeout=None):
        return held[-1].acquire(timeout)

    def wait():
        print("waits", flush=True)
        with held[-1]:
            return "got it"

    def release(count=1):
        held[-1].release(count)
        return held[-1].value

    def close():
        held[-1].close()

    def unlink():
        held[-1].unlink()
'''


def test_semaphore_of_two_workers(start, name):
    one, other = start(SEMAPHORE), start(SEMAPHORE)
    assert one.result("open", [name, 1]) == 1
    assert other.result("open", [name]) == 1
    assert one.result("acquire", [0]) is True
    assert other.result("acquire", [0]) is False
    assert other.result("acquire", [0.01]) is False
    other.send(other.request("wait")[0])
    other.out.wait_for(b"waits")
    one.result("release")
    assert other.answer()["result"] == "got it"
    assert one.result("acquire", [60]) is True
    assert one.result("release", [3]) == 3
    one.result("close")
    assert one.error("acquire", [0])["message"] == "the semaphore %s is closed" % name
    one.result("unlink")
    one.result("unlink")
    assert other.result("acquire") is True, "who has it keeps it"
    assert "No such file" in one.error("open", [name])["message"]


@needs_peer
def test_semaphore_of_a_c_program(start, name):
    worker = start(SEMAPHORE)
    peer("semaphore", "/" + name, 2)
    assert worker.result("open", ["/" + name, 7]) == 2
    assert worker.result("acquire") is True
    assert peer("value", "/" + name) == b"1\n"
    peer("wait", "/" + name)
    worker.send(worker.request("wait")[0])
    worker.out.wait_for(b"waits")
    peer("post", "/" + name)
    assert worker.answer()["result"] == "got it"


@pytest.mark.parametrize("arguments, message", [
    ({"create": True}, "a semaphore is made with a value"),
    ({"value": -1}, "the value must be a whole number from 0 to 2147483647, not -1"),
    ({"value": 1 << 31}, "the value must be a whole number from 0 to 2147483647, not 2147483648"),
    ({"value": 1, "create": False}, "[Errno 2] No such file or directory: '{path}'"),
    ({}, "[Errno 2] No such file or directory: '{path}'"),
])
def test_semaphores_that_cannot_be_opened(start, name, arguments, message):
    error = start(SEMAPHORE).error("open", {"name": name, **arguments})
    assert error["message"] == message.format(path=SHM / ("sem." + name))


def test_damaged_semaphore(start, name):
    (SHM / ("sem." + name)).write_bytes(b"")
    assert start(SEMAPHORE).error("open", [name])["message"] == (
        "the semaphore %s is damaged: its file has 0 bytes" % name)


def test_semaphore_is_released_too_often(start, name):
    worker = start(SEMAPHORE)
    worker.result("open", [name, (1 << 31) - 1])
    assert "Value too large" in worker.error("release")["message"]


def test_a_wait_is_interrupted_and_takes_nothing(start, name):
    worker = start(SEMAPHORE)
    worker.result("open", [name, 0])
    line, serial = worker.request("wait")
    worker.send(line)
    worker.out.wait_for(b"waits")
    assert worker.interrupted(int(serial))["data"]["exception"] == "jumpboot.RequestTimeout"
    assert worker.result("release") == 1
    assert worker.result("acquire", [0]) is True


def test_closed_while_another_thread_waits(start, name):
    worker = start('''
        import threading, jumpboot
        def run(name):
            semaphore, other = jumpboot.NamedSemaphore(name, 0), jumpboot.NamedSemaphore(name)
            got = []
            thread = threading.Thread(target=lambda: got.append(semaphore.acquire()))
            thread.start()
            while not semaphore._users:
                pass
            semaphore.close()
            other.release()
            thread.join()
            return got
    ''')
    assert worker.result("run", [name]) == [True]


def test_no_writable_code(start, name):
    """MemoryDenyWriteExecute=yes of the unit, as the kernel does it: what needs memory that is
    written and executed would fail."""
    worker = start('''
        import ctypes, errno
        from ctypes import CDLL
        PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
        libc = CDLL(None, use_errno=True)
        refused = libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0
        import jumpboot
        def run(name):
            if refused:
                return None
            with jumpboot.NamedSemaphore(name, 1) as semaphore:
                return semaphore.acquire(0.001)
    ''')
    result = worker.result("run", [name])
    if result is None:
        pytest.skip("this kernel does not know PR_SET_MDWE")
    assert result is False
