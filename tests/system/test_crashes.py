# SPDX-License-Identifier: MIT
"""A daemon that cannot stay up: when it is tried again, and when clients are told that it is not.

Once five crashes within ten seconds, which a hundred milliseconds between them made of any bug,
were the end of the service, and of its socket with it.
"""
import pytest
from programs import install_calc
from test_wrong_config import break_config

SOCKET = "jumpbootd.socket"
# More than the five that systemd lets by default.
RESTARTS = 8


@pytest.fixture
def calc(box):
    install_calc(box)
    return box


def ask(box):
    client = box.connect()
    client.request("calc.add", [1, 2], id=1)
    return client


def replace_daemon(box, command):
    return box.drop_in("instead", f"[Service]\nExecStart=\nExecStart={command}\n")


def test_crashes_are_never_the_end(calc):
    path = replace_daemon(calc, "/bin/sh -c 'kill -KILL $$$$'")
    calc.systemctl("start", SOCKET)
    client = ask(calc)
    calc.wait(lambda: int(calc.show("NRestarts")) >= RESTARTS or calc.show("Result", SOCKET) != "success",
              f"{RESTARTS} restarts")
    assert calc.show("ActiveState", SOCKET) == "active"
    calc.remove(path)
    calc.systemctl("daemon-reload")
    assert client.receive()["result"] == 3


def test_a_wrong_command_line_is_not_tried_again(calc):
    replace_daemon(calc, "/usr/sbin/jumpbootd --no-such-option")
    assert calc.systemctl("start", "jumpbootd", check=False).returncode != 0
    assert (calc.show("ActiveState"), calc.show("ExecMainStatus")) == ("failed", "64")


def test_a_wrong_config_ends_the_wait_of_clients(calc):
    """They must not wait for ever, with the config read again and again for them."""
    settings = calc.read("/etc/jumpbootd/jumpbootd.conf")
    break_config(calc)
    calc.systemctl("start", SOCKET)
    ask(calc)
    calc.wait(lambda: calc.show("ActiveState", SOCKET) == "failed", "the socket to be given up")
    with pytest.raises(OSError):
        calc.connect()
    # As jumpbootd(8) tells.
    calc.write("/etc/jumpbootd/jumpbootd.conf", settings)
    calc.systemctl("reset-failed", "jumpbootd.service", SOCKET)
    calc.systemctl("start", "jumpbootd")
    assert calc.call("calc.add", [1, 2]) == 3
