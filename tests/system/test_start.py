# SPDX-License-Identifier: MIT
"""The service from its start on: what systemd says of it, and who may call."""
import json

import pytest
from box import MEMBER, STRANGER

CALC = {"programs": {"calc": {"main": "calc.py"}}}
ADD = "def add(a, b):\n    return a + b\n"


@pytest.fixture
def calc(box):
    box.programs("calc", CALC, calc=ADD)
    return box


def call_add(box, **options):
    return box.run("jumpbootctl", "call", "calc.add", "a:=1", "b:=2", check=False, **options)


def test_starts_and_answers(calc):
    calc.systemctl("start", "jumpbootd")
    assert calc.show("ActiveState") == "active"
    assert calc.show("NRestarts") == "0"
    assert "1 program" in calc.show("StatusText")
    done = call_add(calc)
    assert (done.returncode, done.stdout) == (0, "3\n")


def test_answers_on_the_socket(calc):
    calc.systemctl("start", "jumpbootd")
    request = {"jsonrpc": "2.0", "id": 1, "method": "calc.add", "params": {"a": 1, "b": 2}}
    done = calc.run("nc", "-N", "-U", calc.socket_path, input=json.dumps(request) + "\n")
    assert json.loads(done.stdout) == {"jsonrpc": "2.0", "id": 1, "result": 3}
    assert calc.call("calc.add", [20, 22]) == 42


def test_a_member_of_the_group_may_call(calc):
    calc.systemctl("start", "jumpbootd")
    done = call_add(calc, user=MEMBER)
    assert (done.returncode, done.stdout) == (0, "3\n")


def test_another_user_may_not_connect(calc):
    calc.systemctl("start", "jumpbootd")
    done = call_add(calc, user=STRANGER)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Permission denied" in done.stderr


def test_a_call_starts_the_service(calc):
    calc.systemctl("enable", "--now", "jumpbootd.socket")
    assert calc.show("ActiveState") == "inactive"
    done = call_add(calc, user=MEMBER)
    assert (done.returncode, done.stdout) == (0, "3\n")
    assert calc.show("ActiveState") == "active"


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
