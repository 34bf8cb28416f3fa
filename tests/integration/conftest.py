# SPDX-License-Identifier: MIT
"""Fixtures: a daemon for one test, a daemon for all tests of a file."""
import contextlib
import resource

import pytest
from fake_server import FakeServer
from harness import Daemon

_running = []


def pytest_configure(config):
    config.addinivalue_line("markers", "valgrind: quick, and worth running under valgrind too")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 16384 if hard == resource.RLIM_INFINITY else min(16384, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of its daemons' logs."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        item.stash[_has_failed] = True
        for daemon in _running:
            with contextlib.suppress(FileNotFoundError):
                report.sections.append((f"log of jumpbootd {daemon.pid}", daemon.log()[-10000:]))


_has_failed = pytest.StashKey()


@contextlib.contextmanager
def _daemons(has_failed):
    """A function that starts daemons; at the end each is checked and stopped."""
    started = []

    def start(*arguments, **options):
        daemon = Daemon(*arguments, **options)
        started.append(daemon)
        _running.append(daemon)
        return daemon

    try:
        yield start
    finally:
        with contextlib.ExitStack() as stack:
            for daemon in started:
                stack.callback(_running.remove, daemon)
                stack.callback(daemon.finish, check_quiescent=not has_failed())


@pytest.fixture
def start_daemon(request):
    """start_daemon(programs, ...) as in harness.Daemon, for one test."""
    with _daemons(lambda: request.node.stash.get(_has_failed, False)) as start:
        yield start


@pytest.fixture(scope="module")
def start_module_daemon():
    """The same for all tests of a file; after each, the daemon must be back where it was."""
    with _daemons(lambda: True) as start:
        yield start


@pytest.fixture(autouse=True)
def _settled_after_each_test(request):
    """What a test did to the file's daemon must have been undone before the next one begins."""
    yield
    if not request.node.stash.get(_has_failed, False):
        for daemon in list(_running):
            if daemon.baseline and daemon.is_alive():
                daemon.assert_quiescent()
    for daemon in _running:
        daemon.close_clients()


@pytest.fixture
def serve(tmp_path):
    """serve(answer) starts a daemon that gives this answer to everything."""
    servers = []

    def start(answer, **options):
        server = FakeServer(tmp_path / f"socket{len(servers)}", answer, **options)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.__exit__()
