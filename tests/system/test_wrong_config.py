# SPDX-License-Identifier: MIT
"""A service whose config is wrong: it says so, and is not started again and again."""


def break_config(box):
    box.write("/etc/jumpbootd/jumpbootd.conf", '{\n  "max_clients": "many"\n}')


def test_exits_78_and_stays_down(box):
    break_config(box)
    done = box.systemctl("start", "jumpbootd", check=False)
    assert done.returncode != 0
    assert box.show("ActiveState") == "failed"
    assert box.show("ExecMainStatus") == "78"
    assert box.show("NRestarts") == "0"
    assert box.show("Result") == "exit-code"


def test_says_what_is_wrong_where(box):
    break_config(box)
    box.systemctl("start", "jumpbootd", check=False)
    entry = box.wait_journal("/etc/jumpbootd/jumpbootd.conf:2:18: ", PRIORITY="3")
    assert "max_clients" in entry["MESSAGE"]
    assert "jumpbootd.conf:2:18: " in box.show("StatusText")
    status = box.systemctl("status", "jumpbootd", check=False).stdout
    assert "status=78/CONFIG" in status


def test_starts_once_it_is_mended(box):
    break_config(box)
    box.systemctl("start", "jumpbootd", check=False)
    box.configure("{}")
    box.systemctl("start", "jumpbootd")
    assert box.run("jumpbootctl", "ping").returncode == 0


def test_a_restart_with_a_wrong_config_fails(box):
    box.systemctl("start", "jumpbootd")
    break_config(box)
    assert box.systemctl("restart", "jumpbootd", check=False).returncode != 0
    assert box.show("ExecMainStatus") == "78"
