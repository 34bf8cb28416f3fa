# SPDX-License-Identifier: MIT
"""systemctl reload: it waits, and its exit status is the reload's."""
import json

import pytest
from programs import install_calc

PROGRAMS = "/etc/jumpbootd/programs.d"


@pytest.fixture
def calc(box):
    install_calc(box)
    box.systemctl("start", "jumpbootd")
    return box


def reload(box):
    return box.systemctl("reload", "jumpbootd", check=False).returncode


def assert_runs_on(box, pid):
    assert (box.show("ActiveState"), box.show("SubState")) == ("active", "running")
    assert box.show("MainPID") == pid


def test_takes_what_has_changed(calc):
    """When it comes back, new code is there: nobody has to ask again and again."""
    pid = calc.show("MainPID")
    calc.write(f"{PROGRAMS}/calc.py", "def add(a, b):\n    return [a, b]\n")
    calc.programs("more", {"programs": {"more": {"main": {"source": "def one(): return 1"}}}})
    assert calc.call("calc.add", [1, 2]) == 3
    assert reload(calc) == 0
    assert calc.call("calc.add", [1, 2]) == [1, 2]
    assert calc.call("more.one") == 1
    assert_runs_on(calc, pid)
    assert calc.show("ReloadResult") == "success"


def test_a_wrong_config_changes_nothing(calc):
    pid = calc.show("MainPID")
    calc.write(f"{PROGRAMS}/calc.py", "def add(a, b):\n    return 'new'\n")
    calc.write(f"{PROGRAMS}/calc.conf",
               '{ "programs": { "calc": {\n  "main": "calc.py", "max_worker": 2 } } }')
    assert reload(calc) != 0
    assert calc.call("calc.add", [1, 2]) == 3
    assert_runs_on(calc, pid)
    # Where it is wrong, and what would be right, from the daemon as well as to whoever reloads.
    for identifier in ("jumpbootd", "jumpbootctl"):
        entry = calc.wait_journal(f"{PROGRAMS}/calc.conf:2:22: ", SYSLOG_IDENTIFIER=identifier,
                                  _SYSTEMD_UNIT="jumpbootd.service")
        assert "max_worker" in entry["MESSAGE"]
        assert "max_workers" in entry["MESSAGE"]
    assert calc.journal(UNIT="jumpbootd.service", JOB_TYPE="reload", JOB_RESULT="failed")


def test_mending_it_is_enough(calc):
    right = calc.read(f"{PROGRAMS}/calc.conf")
    calc.write(f"{PROGRAMS}/calc.conf", "{")
    assert reload(calc) != 0
    calc.write(f"{PROGRAMS}/calc.conf", right)
    calc.write(f"{PROGRAMS}/calc.py", "def add(a, b):\n    return 'mended'\n")
    assert reload(calc) == 0
    assert calc.call("calc.add", [1, 2]) == "mended"


def test_new_workers_that_do_not_start_fail_it(calc):
    pid = calc.show("MainPID")
    calc.write(f"{PROGRAMS}/calc.py", "raise RuntimeError('not today')\n")
    assert reload(calc) != 0
    assert calc.call("calc.add", [1, 2]) == 3
    assert_runs_on(calc, pid)
    assert calc.wait_journal("not today", SYSLOG_IDENTIFIER="jumpbootctl")


def test_under_load_no_call_fails(calc):
    load = calc.load("calc.add", [1, 2], clients=4)
    calc.write(f"{PROGRAMS}/calc.conf", json.dumps(
        {"programs": {"calc": {"main": "calc.py", "max_requests": 1000, "min_workers": 2}}}
    ))
    assert reload(calc) == 0
    counts = load.stop()
    assert (counts["errors"], counts["refused"], counts["lost"]) == ({}, {}, 0)


def test_sighup_reloads_too(calc):
    calc.write(f"{PROGRAMS}/calc.py", "def add(a, b):\n    return 'anew'\n")
    calc.systemctl("kill", "--kill-whom=main", "--signal=HUP", "jumpbootd")
    calc.wait(lambda: calc.call("calc.add", [1, 2]) == "anew", "the new code")
    calc.wait(lambda: calc.show("SubState") == "running", "systemd to see the end of it")
