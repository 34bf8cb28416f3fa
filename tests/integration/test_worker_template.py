# SPDX-License-Identifier: MIT
"""The template that workers are forked from: what they share, and what each has of its own."""
import contextlib
import os
import resource
import signal
import subprocess
import textwrap

import pytest
from harness import is_gone, process_stat, wait_until
from shared_pages import SharedPages
from template_host import TemplateHost
from worker_fixtures import python  # noqa: F401
from worker_host import StartFailed


@pytest.fixture
def spawn(python):  # noqa: F811
    """A function that starts a template with this main module, and does not wait for it."""
    with contextlib.ExitStack() as stack:
        def run(main, **options):
            return stack.enter_context(
                TemplateHost(textwrap.dedent(main), python=python, **options))
        yield run


@pytest.fixture
def start(spawn):
    """A function that starts a template that workers can be forked from."""
    def run(main, **options):
        host = spawn(main, **options)
        host.told = host.template()
        assert host.told["unfit"] is None
        return host
    return run


def descriptors(pipes, pages):
    """What comes with a command for a worker whose pipes nobody uses."""
    return [*(write for _, write in pipes), pages.counters_fd, pages.wanted_fd]


PLAIN = '''
    import os
    imported_in = os.getpid()
    def look():
        return [os.getpid(), os.getppid(), os.getpgrp(), imported_in]
'''


def memory(pid, *names):
    """What /proc tells of these together, in KB."""
    with open("/proc/%d/smaps_rollup" % pid) as file:
        return sum(int(line.split()[1]) for line in file if line.split(":")[0] in names)


def own_memory(pid):
    return memory(pid, "Private_Clean", "Private_Dirty")


def resident_memory(pid):
    return memory(pid, "Rss")


def test_workers_are_children_of_the_daemon(start):
    host = start(PLAIN)
    assert list(host.told["methods"]) == ["look"]
    first, second = host.fork(), host.fork()
    assert first.told is None  # the template has told the methods
    for worker in first, second:
        assert worker.result("look") == [worker.pid, os.getpid(), worker.pid, host.pid]
    assert first.pid != second.pid
    assert first.close() == 0
    assert second.result("look")[0] == second.pid
    assert host.close() == 0
    assert second.result("look")[0] == second.pid


def test_on_start_and_on_exit_run_in_each_worker(start):
    host = start('''
        import os, jumpboot
        ran = []
        @jumpboot.on_start
        async def begin():
            ran.append(os.getpid())
        @jumpboot.on_exit
        def end():
            print("ended", ran)
        def look():
            return ran
    ''')
    for _ in range(2):
        worker = host.fork()
        assert worker.result("look") == [worker.pid]
        assert worker.close() == 0
        assert worker.out.whole() == b"ended [%d]\n" % worker.pid
    assert host.close() == 0
    assert host.out.whole() == b""


def test_functions_that_on_start_exposes(start):
    host = start('''
        import jumpboot
        @jumpboot.expose
        def plain():
            return 1
        @jumpboot.on_start
        def begin():
            jumpboot.expose("late")(lambda: 2)
    ''')
    assert list(host.told["methods"]) == ["plain"]
    worker = host.fork()
    assert sorted(worker.told) == ["late", "plain"]
    assert worker.result("late") == 2


def test_environment_of_a_worker(start):
    host = start("import os\ndef look(): return [os.environ.get(k) for k in ('SLOT', 'SAME')]",
                 env={"SAME": "same"})
    assert host.fork(environment={"SLOT": "1"}).result("look") == ["1", "same"]
    assert host.fork(environment={"SLOT": "2"}).result("look") == ["2", "same"]


def mark_of(pid):
    with open("/proc/%d/environ" % pid) as file:
        return dict(variable.partition("=")[::2] for variable in file.read().split("\0"))[
            "JUMPBOOT_WORKER"]


def test_the_mark_of_a_worker(start):
    """By it the daemon knows whose a process is that has lost its parent."""
    host = start('''
        import os, time
        def fork():
            pid = os.fork()
            if pid == 0:
                time.sleep(1000)
            return pid
        def end(pid):
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        def look():
            return os.environ["JUMPBOOT_WORKER"]
    ''', env={"JUMPBOOT_WORKER": "1.00007", "LAST": "last"})
    worker = host.fork(environment={"JUMPBOOT_WORKER": "1.8"})
    assert worker.result("look") == "1.8"
    assert mark_of(worker.pid) == "1.8"
    child = worker.result("fork")
    assert mark_of(child) == "1.8"
    worker.result("end", [child])
    assert mark_of(host.pid) == "1.00007"
    assert mark_of(host.fork(environment={"JUMPBOOT_WORKER": "1.123456789"}).pid) == "1.00007"


def test_descriptors_of_a_worker(start):
    """Not one of the template's is left, but those that the program itself has opened."""
    host = start('''
        import os
        opened = open("/dev/zero")
        def look():
            found = {}
            for name in os.listdir("/proc/self/fd"):
                try:
                    found[name] = os.readlink("/proc/self/fd/" + name)
                except OSError:
                    pass
            return found
        def inherited():
            return [fd for fd in range(3, 20) if is_open(fd) and os.get_inheritable(fd)]
        def is_open(fd):
            try:
                os.fstat(fd)
            except OSError:
                return False
            return True
    ''')
    of_template = {os.readlink("/proc/%d/fd/%s" % (host.pid, name)): name
                   for name in os.listdir("/proc/%d/fd" % host.pid)}
    first, second = host.fork(), host.fork()
    theirs = first.result("look")
    shared = {path for path in theirs.values() if path in of_template}
    assert shared == {"/dev/null", "/dev/zero"}
    assert not [path for path in theirs.values() if path.startswith("socket:")]
    other = second.result("look")
    assert other.keys() == theirs.keys()
    assert {other[name] for name in other} & set(theirs.values()) == shared
    assert first.result("inherited") == []


def test_a_worker_whose_numbers_are_taken(start):
    """The main module has closed a descriptor, whose number is given to one that arrives."""
    host = start('''
        import os
        os.close(4)
        def look():
            return "well"
    ''')
    assert host.fork().result("look") == "well"


def test_random_numbers_differ(start):
    host = start('''
        import random, uuid, tempfile
        def look():
            return [random.random(), str(uuid.uuid4()), str(uuid.uuid1()),
                    next(tempfile._get_candidate_names())]
    ''')
    seen = [host.fork().result("look") for _ in range(3)]
    for column in zip(*seen):
        assert len(set(column)) == 3


def test_nothing_is_imported_in_a_worker(start):
    host = start('''
        import os, sys
        from importlib.abc import MetaPathFinder
        wanted = []
        class Watch(MetaPathFinder):
            def find_spec(self, name, path, target=None):
                wanted.append([os.getpid(), name])
        sys.meta_path.insert(0, Watch())
        def look(numbers):
            return [name for pid, name in wanted if pid == os.getpid()]
    ''')
    worker = host.fork()
    assert worker.result("look", [[1, 2.5, "text", None]]) == []
    assert worker.result("look", {"numbers": 1}) == []


def assert_own_memory(host, share):
    """What a worker that has answered some calls has of its own is this share of all at most."""
    worker = host.fork()
    for _ in range(5):
        worker.result("look")
    own, whole = own_memory(worker.pid), resident_memory(host.pid)
    assert own < whole * share, (own, whole)


def test_a_worker_has_little_memory_of_its_own(start):
    """What it writes to is copied: it was 2 of 15 MB once, and is less than half of that."""
    assert_own_memory(start(PLAIN), 1 / 13)


def skip_without_numpy(python):  # noqa: F811
    if subprocess.run([python, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("this Python has no numpy")


def test_a_worker_with_numpy_has_little_memory_of_its_own(start, python):  # noqa: F811
    skip_without_numpy(python)
    assert_own_memory(start("import numpy\n" + textwrap.dedent(PLAIN)), 1 / 30)


def test_modules_with_random_numbers_are_seeded(start):
    host = start('''
        import torch.random
        def look():
            return torch.random.seeded
    ''', packages={"torch": {"__init__.py": "", "random.py": """
import os
seeded = []
def seed():
    seeded.append(os.getpid())
"""}})
    worker = host.fork()
    assert worker.result("look") == [worker.pid]


def test_hooks_of_the_program_run_in_workers(start):
    """Those of modules that have none but threads to care for do not, and do elsewhere."""
    host = start('''
        import logging, os, random, threading
        seen = []
        os.register_at_fork(after_in_child=lambda: seen.append(os.getpid()))
        def look():
            return [pid for pid in seen if pid == os.getpid()]
        def numbers():
            """Whether a fork has random numbers of its own."""
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(write, b"%a %d" % (random.random(), threading.active_count()))
                os._exit(0)
            os.waitpid(child, 0)
            found = os.read(read, 100).decode().split()
            return [float(found[0]) == random.random(), found[1]]
    ''')
    worker = host.fork()
    assert worker.result("look") == [worker.pid]
    assert worker.result("numbers") == [False, "1"]


def test_numpy_is_seeded(start, python):  # noqa: F811
    skip_without_numpy(python)
    host = start("""
        import numpy
        def look():
            return [int(numpy.random.randint(2 ** 31)), float(numpy.random.normal())]
    """)
    seen = [host.fork().result("look") for _ in range(3)]
    for column in zip(*seen):
        assert len(set(column)) == 3


@pytest.mark.parametrize("generator", ["MT19937", "another one"])
def test_a_numpy_of_another_make_is_seeded(start, generator):
    host = start("""
        import numpy.random
        def look():
            return numpy.random.seeded[-1]
    """, packages={"numpy": {"__init__.py": "", "random.py": """
import os
seeded = []
def set_state(state):
    if state[0] != "%s":
        raise ValueError("a state of another generator")
    assert len(set(state[1])) > 600 and state[2] == 624
    seeded.append(["set_state", os.getpid()])
def seed():
    seeded.append(["seed", os.getpid()])
""" % generator}})
    worker = host.fork()
    called = "set_state" if generator == "MT19937" else "seed"
    assert worker.result("look") == [called, worker.pid]


def test_a_module_that_cannot_be_seeded(start):
    host = start("import torch.random\ndef look(): return 1", packages={
        "torch": {"__init__.py": "", "random.py": "def seed(): raise ValueError('not today')"}})
    worker = host.fork()
    warning, = worker.log
    assert warning["level"] == "warning"
    assert "torch.random" in warning["message"] and "not today" in warning["message"]


def test_what_was_printed_is_printed_once(start):
    host = start('''
        import ctypes, sys
        print("half a line", end="")
        ctypes.CDLL(None).printf(b"from C")
        def look():
            print("mine")
    ''')
    worker = host.fork()
    worker.result("look")
    assert worker.close() == 0
    assert worker.out.whole().endswith(b"mine\n") and b"half" not in worker.out.whole()
    assert b"from C" not in worker.out.whole()
    host.close()
    assert b"half a line\n" in host.out.whole() and b"from C" in host.out.whole()


def test_exit_functions_belong_to_who_registered_them(start, tmp_path):
    """A folder that the main module made is there until the template ends."""
    host = start('''
        import atexit, logging, logging.handlers, os, tempfile, weakref, jumpboot
        folder = tempfile.TemporaryDirectory(dir=jumpboot.place)
        atexit.register(print, "registered at import")
        kept = logging.handlers.MemoryHandler(100, target=logging.StreamHandler())
        class Thing:
            pass
        @jumpboot.on_start
        def begin():
            global thing
            thing = Thing()
            atexit.register(print, "registered on start")
            weakref.finalize(thing, print, "finalized")
        def look():
            kept.emit(logging.makeLogRecord({"msg": "remembered", "levelno": 30}))
            return os.path.isdir(folder.name)
    ''', key_values={"place": str(tmp_path)})
    for _ in range(2):
        worker = host.fork()
        assert worker.result("look") is True
        assert worker.close() == 0
        assert sorted(worker.out.whole().splitlines()) == [b"finalized", b"registered on start"]
        assert b"remembered" in worker.err.whole()
    assert len(list(tmp_path.iterdir())) == 1
    assert host.close() == 0
    assert host.out.whole() == b"registered at import\n"
    assert list(tmp_path.iterdir()) == []


def test_children_of_the_program_are_not_workers(start):
    """What the main module forks off has nothing to tell the daemon, and neither has a fork in a
    worker."""
    host = start('''
        import os, sys
        def fork():
            child = os.fork()
            if child == 0:
                print("child")
                sys.exit("in vain")
            return os.waitpid(child, 0)[1]
        fork()
    ''')
    worker = host.fork()
    assert worker.result("fork") == 256
    assert worker.close() == 0


@pytest.mark.parametrize("thread", ["threading.Thread(target=threading.Event().wait, "
                                    "name='idle hands', daemon=True).start()",
                                    "lock = _thread.allocate_lock(); lock.acquire(); "
                                    "_thread.start_new_thread(lambda: (lock.release(), "
                                    "time.sleep(1000)), ()); lock.acquire()"])
def test_threads_make_it_unfit(spawn, thread):
    host = spawn("import threading, time, _thread\n%s\ndef look(): return 1" % thread)
    told = host.template()
    assert "threads" in told["unfit"]
    assert "idle hands" in told["unfit"] or "thread 1" in told["unfit"]
    assert list(told["methods"]) == ["look"]


def test_a_thread_that_has_ended_does_not_count(start):
    start('''
        import threading
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
    ''')


def test_without_ctypes_it_is_unfit(spawn):
    told = spawn("import sys\nsys.modules['ctypes'] = None").template()
    assert "ctypes" in told["unfit"]


def test_open_sockets_bring_a_warning(start):
    host = start("import socket\nmine = socket.socketpair()")
    warning, = host.log
    assert warning["level"] == "warning" and "2 sockets" in warning["message"]
    assert "on_start" in warning["message"]


@pytest.mark.parametrize("main, error", [("import nowhere", "ModuleNotFoundError"),
                                         ("raise SystemExit(3)", "SystemExit"),
                                         ("__all__ = ['nowhere']", "AttributeError")])
def test_a_template_that_cannot_start(spawn, main, error):
    host = spawn(main)
    with pytest.raises(StartFailed) as caught:
        host.template()
    assert caught.value.status["exception"] == error
    assert host.wait() == 1


def test_a_worker_that_cannot_start(start):
    host = start('''
        import jumpboot
        @jumpboot.on_start
        def begin():
            raise OSError("no database")
    ''')
    for _ in range(2):
        with pytest.raises(StartFailed) as caught:
            host.fork()
        assert caught.value.status["stage"] == "on_start"
        assert host.workers[-1].wait() == 1


def test_a_refused_fork_is_told(start):
    """A limit of processes, which only a user who is not root feels: the test sets it for one."""
    if os.getuid() != 0:
        pytest.skip("only root can change the uid")
    host = start('''
        import ctypes, fcntl, os, resource, socket  # which others may not be allowed to read
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        os.setresuid(65534, 65534, 65534)
    ''')
    pipes, pages = [os.pipe() for _ in range(5)], SharedPages()
    number = host.command(descriptors(pipes, pages))
    told, pid = host.reply()
    assert told["number"] == number and "cannot fork: " in told["error"]
    assert pid == host.pid
    told = set(os.listdir("/proc/%d/fd" % host.pid))
    number = host.command(descriptors(pipes, pages))
    host.reply()
    assert set(os.listdir("/proc/%d/fd" % host.pid)) == told
    pages.close()
    for fd in sum(pipes, ()):
        os.close(fd)


def test_lost_descriptors_are_told(start):
    """As when the template has as many open as it may have."""
    host = start(PLAIN)
    soft, hard = resource.prlimit(host.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(host.pid, resource.RLIMIT_NOFILE, (9, hard))
    pipes, pages = [os.pipe() for _ in range(5)], SharedPages()
    number = host.command(descriptors(pipes, pages))
    told, _ = host.reply()
    assert told["number"] == number and "descriptors" in told["error"]
    resource.prlimit(host.pid, resource.RLIMIT_NOFILE, (soft, hard))
    pages.close()
    for fd in sum(pipes, ()):
        os.close(fd)
    assert host.fork().result("look")


def test_a_worker_of_another_daemon_ends(start):
    """The daemon has gone before the worker could bind itself to it."""
    host = start(PLAIN)
    pipes, pages = [os.pipe() for _ in range(5)], SharedPages()
    host.command(descriptors(pipes, pages), parent=1)
    for _, write in pipes:
        os.close(write)
    assert os.read(pipes[2][0], 100) == b""
    # A template of another test may have been killed, and have left the process between it and a
    # worker to this one.
    while (status := os.waitpid(-1, 0)[1]) == 0:
        pass
    assert status == 256
    pages.close()
    for read, _ in pipes:
        os.close(read)


def test_workers_end_with_the_daemon(start):
    """The test stands in for the daemon's thread: a worker's parent-death signal is SIGKILL."""
    host = start('''
        import ctypes
        def look():
            number = ctypes.c_int()
            ctypes.CDLL(None).prctl(2, ctypes.byref(number), 0, 0, 0)
            return number.value
    ''')
    assert host.fork().result("look") == signal.SIGKILL


def test_a_worker_survives_the_template(start):
    host = start(PLAIN)
    worker = host.fork()
    host.kill()
    assert worker.result("look")[0] == worker.pid
    assert worker.close() == 0
    wait_until(lambda: is_gone(host.pid), "the template to be gone")
    assert process_stat(host.pid)[0] == "X"


def test_workers_have_pages_of_their_own(start):
    host = start('''
        import time
        def add(a, b): return a + b
        def sleep():
            print("runs")
            time.sleep(600)
    ''')
    first, second = host.fork(), host.fork()
    assert first.counts is True
    assert first.result("add", [1, 2]) == 3
    assert [worker.pages.counts() for worker in (first, second, host)] == [(1, 1), (0, 0), (0, 0)]
    first.send(first.request("sleep")[0])
    first.out.wait_for(b"runs\n")
    assert "in sleep" in first.show()
    assert first.interrupted(2)["data"]["exception"] == "jumpboot.RequestTimeout"
    assert second.pages.text() == host.pages.text() == b""
    second.pages.want(1)
    assert second.call("add", [1, 2])["error"] == "skipped"
    assert first.result("add", [1, 2]) == 3
