# SPDX-License-Identifier: MIT
"""Fixtures for the tests of the worker's Python side: each test runs on every Python at hand."""
import contextlib
import textwrap

import pytest
from worker_host import WorkerHost, pythons


@pytest.fixture(params=pythons(), ids=lambda path: path.strip("/").replace("/", "-"))
def python(request):
    return request.param


@pytest.fixture
def spawn(python):
    """A function that starts a worker with this main module, and does not wait for it."""
    with contextlib.ExitStack() as stack:
        def run(main, **options):
            main = textwrap.dedent(main) if isinstance(main, str) else main
            return stack.enter_context(WorkerHost(main, python=python, **options))
        yield run


@pytest.fixture
def start(spawn):
    """A function that starts a worker and waits until it is ready; .methods are its functions."""
    def run(main, **options):
        worker = spawn(main, **options)
        worker.methods = worker.ready()
        return worker
    return run
