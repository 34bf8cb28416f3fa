# SPDX-License-Identifier: MIT
"""jumpbootd.socket: it is there before the daemon and stays when the daemon goes."""
import stat

import pytest
from box import MEMBER
from programs import assert_adds, install_calc

SOCKET = "jumpbootd.socket"


@pytest.fixture
def calc(box):
    install_calc(box)
    return box


def test_who_may_connect(calc):
    calc.systemctl("start", SOCKET)
    found = calc.stat(calc.socket_path)
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o660
    assert (found.st_uid, found.st_gid) == (0, calc.group_id("jumpboot"))


def test_no_worker_can_replace_it(calc):
    """The folder was the daemon's once: then whoever ran as jumpboot could have taken its place."""
    calc.systemctl("start", "jumpbootd")
    folder = calc.stat("/run/jumpbootd")
    assert (folder.st_uid, folder.st_gid, stat.S_IMODE(folder.st_mode)) == (0, 0, 0o755)
    done = calc.run("rm", "-f", calc.socket_path, user="jumpboot", check=False)
    assert "Permission denied" in done.stderr
    assert_adds(calc)


def test_a_call_starts_the_service(calc):
    calc.systemctl("enable", "--now", SOCKET)
    assert calc.show("ActiveState") == "inactive"
    assert_adds(calc, user=MEMBER)
    assert calc.show("ActiveState") == "active"
    assert calc.systemctl("is-enabled", SOCKET).stdout == "enabled\n"


def test_many_calls_start_it_once(calc):
    calc.systemctl("start", SOCKET)
    counts = calc.load("calc.add", [1, 2], clients=20, user=MEMBER).stop()
    assert counts["answered"] >= 20
    assert (counts["errors"], counts["refused"], counts["lost"]) == ({}, {}, 0)
    assert len(calc.journal(UNIT="jumpbootd.service", JOB_TYPE="start", JOB_RESULT="done")) == 1


def test_a_call_starts_a_stopped_service_again(calc):
    calc.systemctl("start", "jumpbootd")
    before = calc.show("MainPID")
    calc.systemctl("stop", "jumpbootd.service")
    assert calc.show("ActiveState") == "inactive"
    assert_adds(calc, user=MEMBER)
    assert calc.show("MainPID") not in ("0", before)


def test_enabling_the_service_enables_the_socket(calc):
    calc.systemctl("enable", "--now", "jumpbootd")
    assert calc.systemctl("is-enabled", SOCKET).stdout == "enabled\n"
    assert_adds(calc)
    calc.systemctl("disable", "--now", "jumpbootd")
    assert calc.systemctl("is-enabled", SOCKET, check=False).stdout == "disabled\n"


def test_stopping_it_stops_the_service(calc):
    calc.systemctl("start", "jumpbootd")
    calc.systemctl("stop", SOCKET)
    assert calc.show("ActiveState") == "inactive"
    assert not calc.exists(calc.socket_path)


def test_another_group_and_another_place(calc):
    """What jumpbootd(8) says about that."""
    calc.drop_in("place", """
        [Socket]
        ListenStream=
        ListenStream=/run/calc.sock
        SocketMode=0666
    """, unit=SOCKET)
    calc.systemctl("start", "jumpbootd")
    done = calc.run("jumpbootctl", "--socket", "/run/calc.sock", "call", "calc.add", "[1, 2]",
                    user="nobody")
    assert done.stdout == "3\n"
    assert not calc.exists(calc.socket_path)
