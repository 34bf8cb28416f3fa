# SPDX-License-Identifier: MIT
"""The service from its start on: what systemd says of it, and who may call."""
import json

import pytest
from box import MEMBER, STRANGER
from programs import assert_adds, call_add, install_calc


@pytest.fixture
def calc(box):
    install_calc(box)
    return box


def test_starts_and_answers(calc):
    calc.systemctl("start", "jumpbootd")
    assert calc.show("ActiveState") == "active"
    assert calc.show("NRestarts") == "0"
    assert "1 program" in calc.show("StatusText")
    assert_adds(calc)


def test_answers_on_the_socket(calc):
    calc.systemctl("start", "jumpbootd")
    request = {"jsonrpc": "2.0", "id": 1, "method": "calc.add", "params": {"a": 1, "b": 2}}
    done = calc.run("nc", "-N", "-U", calc.socket_path, input=json.dumps(request) + "\n")
    assert json.loads(done.stdout) == {"jsonrpc": "2.0", "id": 1, "result": 3}
    assert calc.call("calc.add", [20, 22]) == 42


def test_a_member_of_the_group_may_call(calc):
    calc.systemctl("start", "jumpbootd")
    assert_adds(calc, user=MEMBER)


def test_another_user_may_not_connect(calc):
    calc.systemctl("start", "jumpbootd")
    done = call_add(calc, user=STRANGER)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Permission denied" in done.stderr


def test_only_root_may_reload(calc):
    calc.systemctl("start", "jumpbootd")
    for user in (MEMBER, "jumpboot"):
        done = calc.run("jumpbootctl", "reload", user=user, check=False)
        assert done.returncode != 0
        assert "forbidden" in done.stderr
    calc.run("jumpbootctl", "reload")


def test_callers_are_told_apart(box):
    """allow_users sees through whatever namespaces the service has."""
    box.programs("calc", {"programs": {"calc": {
        "main": {"source": "def add(a, b): return a + b"}, "allow_users": [STRANGER],
    }}})
    box.systemctl("start", "jumpbootd")
    done = call_add(box, user=MEMBER)
    assert done.returncode != 0
    assert "calc" in done.stderr
    assert_adds(box, user=STRANGER, group="jumpboot")


def test_starts_without_a_program(box):
    """As it is installed."""
    box.systemctl("start", "jumpbootd")
    assert box.show("ActiveState") == "active"
    assert box.run("jumpbootctl", "ping").returncode == 0


def test_calls_under_load_are_answered(calc):
    calc.systemctl("start", "jumpbootd")
    load = calc.load("calc.add", [1, 2], clients=3, calls_per_connection=5, user=MEMBER)
    counts = load.stop()
    assert counts["answered"] >= 3
    assert (counts["errors"], counts["refused"], counts["lost"]) == ({}, {}, 0)


def test_each_test_begins_with_the_service_as_installed(box):
    """What the tests before this one have started and written is gone."""
    assert [box.show("ActiveState", unit) for unit in ("jumpbootd.service", "jumpbootd.socket")] \
        == ["inactive", "inactive"]
    assert box.systemctl("is-enabled", "jumpbootd.socket", check=False).stdout == "disabled\n"
    assert box.run("ls", "/etc/jumpbootd/programs.d").stdout == ""
