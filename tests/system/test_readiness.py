# SPDX-License-Identifier: MIT
"""When systemd takes the service for started, what its status says, and how long a start may take."""
import pytest
from programs import assert_adds, install_calc

# Computes until a file is there.
SLOW = """
import os

while not os.path.exists("/srv/gates/open"):
    pass

def ok():
    return "ok"
"""
HANGS = """
import threading

threading.Event().wait()
"""


@pytest.fixture
def calc(box):
    install_calc(box)
    box.remove("/srv/gates")
    return box


def test_the_status_counts(calc):
    calc.systemctl("start", "jumpbootd")
    assert calc.show("StatusText") == "Serving: 1 program ready; 1 worker, 0 clients"
    client = calc.connect()
    assert client.call("calc.add", [1, 2]) == 3
    calc.wait(lambda: calc.show("StatusText").endswith("1 worker, 1 client"), "the client to show")
    client.close()
    calc.wait(lambda: calc.show("StatusText").endswith("1 worker, 0 clients"),
              "the client to be gone")


def test_a_program_that_cannot_start_is_named(calc):
    """The service is there all the same, and the other programs work."""
    calc.programs("broken", {"programs": {"broken": {"main": {"source": "import missing\n"}}}})
    calc.systemctl("start", "jumpbootd")
    assert calc.show("ActiveState") == "active"
    assert ("1 of 2 programs ready; failing to start: broken (ModuleNotFoundError: "
            "No module named 'missing')") in calc.show("StatusText")
    assert_adds(calc)


def test_a_wrong_config_is_the_status(calc):
    calc.configure({"max_clients": 0})
    assert calc.systemctl("start", "jumpbootd", check=False).returncode != 0
    assert (calc.show("Result"), calc.show("ExecMainStatus")) == ("exit-code", "78")
    assert "/etc/jumpbootd/jumpbootd.conf:" in calc.show("StatusText")
    assert "max_clients must be" in calc.show("StatusText")


def test_a_start_that_gets_on_may_take_its_time(calc):
    """One that computes is not one that hangs."""
    calc.programs("slow", {"programs": {"slow": {"main": "slow.py", "startup_timeout": "0"}}},
                  slow=SLOW)
    calc.drop_in("short", "[Service]\nTimeoutStartSec=1s\n")
    calc.systemctl("start", "--no-block", "jumpbootd")
    calc.wait(lambda: "waiting for slow" in calc.show("StatusText"), "the start")
    calc.pass_time(15)
    assert calc.show("ActiveState") == "activating"
    assert calc.show("StatusText").startswith("Starting: 1 of 2 programs ready, waiting for slow; ")
    calc.write("/srv/gates/open", "")
    calc.wait(lambda: calc.show("ActiveState") == "active", "the start to end")
    assert calc.call("slow.ok") == "ok"
    assert calc.show("NRestarts") == "0"


def test_a_start_that_hangs_is_ended(calc):
    calc.programs("hangs", {"programs": {"hangs": {"main": "hangs.py", "startup_timeout": "0"}}},
                  hangs=HANGS)
    calc.drop_in("short", "[Service]\nTimeoutStartSec=1s\nRestart=no\n")
    calc.systemctl("start", "--no-block", "jumpbootd")
    calc.wait(lambda: calc.show("Result") == "timeout" and calc.show("ActiveState") == "failed",
              "systemd to give up")
    assert calc.wait_journal("start operation timed out", UNIT="jumpbootd.service")


def test_a_hanging_program_with_a_limit_holds_up_nothing(calc):
    calc.programs("hangs", {"programs": {"hangs": {"main": "hangs.py", "startup_timeout": "1s"}}},
                  hangs=HANGS)
    calc.systemctl("start", "jumpbootd")
    assert "failing to start: hangs (" in calc.show("StatusText")
    assert "startup_timeout" in calc.show("StatusText")
    assert_adds(calc)


def test_it_can_be_stopped_while_it_starts(calc):
    calc.programs("hangs", {"programs": {"hangs": {"main": "hangs.py", "startup_timeout": "0"}}},
                  hangs=HANGS)
    calc.systemctl("start", "--no-block", "jumpbootd")
    calc.wait(lambda: "waiting for hangs" in calc.show("StatusText"), "the start")
    assert_adds(calc)
    calc.systemctl("stop", "jumpbootd.service")
    calc.wait_inactive()
    assert calc.show("Result") == "success"


def test_a_hangup_in_its_start_is_a_reload(calc):
    calc.programs("slow", {"programs": {"slow": {"main": "slow.py"}}}, slow=SLOW)
    calc.systemctl("start", "--no-block", "jumpbootd")
    calc.wait(lambda: "waiting for slow" in calc.show("StatusText"), "the start")
    calc.programs("more", {"programs": {"more": {"main": {"source": "def one(): return 1\n"}}}})
    calc.systemctl("kill", "--kill-whom=main", "--signal=HUP", "jumpbootd")
    calc.wait(lambda: "2 of 3 programs ready, waiting for slow" in calc.show("StatusText"),
              "the reload")
    assert calc.call("more.one") == 1
    assert calc.show("ActiveState") == "activating"
    calc.write("/srv/gates/open", "")
    calc.wait(lambda: calc.show("StatusText").startswith("Serving: 3 programs ready"), "the start")
    assert calc.show("ActiveState") == "active"
    assert calc.show("NRestarts") == "0"
