# SPDX-License-Identifier: MIT
"""The fixture `box`: a booted systemd with the project installed, as it was installed."""
import sys
from pathlib import Path

import pytest

# What does not depend on systemd is shared with the integration tests.
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "integration"))

from box import Box  # noqa: E402


@pytest.fixture(scope="session")
def _booted_box():
    with Box() as box:
        yield box


@pytest.fixture
def box(_booted_box):
    """One systemd for all tests; what a test changes in it, the next one does not find."""
    _booted_box.reset()
    yield _booted_box
    _booted_box.end_processes()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the journal since it began."""
    outcome = yield
    report = outcome.get_result()
    box = getattr(item, "funcargs", {}).get("box")
    if report.failed and box:
        report.sections.append(("journal", box.journal_text()[-20000:]))
