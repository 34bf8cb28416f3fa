# SPDX-License-Identifier: MIT
"""Environments that root makes, and the service's workers run in."""

WHERE = """
import os
import sys

def prefix():
    return sys.prefix

def write():
    with open(os.path.join(sys.prefix, "written"), "w"):
        pass

def take_place():
    os.rename(os.path.dirname(sys.prefix), "/var/lib/jumpbootd/other")
"""
FOLDER = "/var/lib/jumpbootd/envs/web"


def test_workers_run_in_it_and_cannot_change_it(box):
    made = box.run("jumpbootctl", "env", "create", "web", "--no-index")
    assert made.stdout.startswith("web: Python 3.")
    box.programs("where", {"programs": {"where": {
        "main": "where.py", "environment": {"env": "web"}}}}, where=WHERE)
    box.systemctl("start", "jumpbootd")
    assert box.call("where.prefix") == FOLDER
    for function in ("write", "take_place"):
        error = box.connect().error(f"where.{function}")
        assert error["data"]["exception"] in ("PermissionError", "OSError"), error
    assert box.run("test", "-r", FOLDER, user="jumpboot").returncode == 0
    assert box.run("test", "-w", FOLDER, user="jumpboot", check=False).returncode != 0


def test_it_stays_while_it_is_used(box):
    box.run("jumpbootctl", "env", "create", "web", "--no-index")
    box.programs("where", {"programs": {"where": {
        "main": "where.py", "environment": {"env": "web"}}}}, where=WHERE)
    box.systemctl("start", "jumpbootd")
    refused = box.run("jumpbootctl", "env", "remove", "web", check=False)
    assert refused.returncode == 1
    assert "the program where uses it, says the config" in refused.stderr
    box.programs("where", {"programs": {"where": {"main": "where.py"}}}, where=WHERE)
    refused = box.run("jumpbootctl", "env", "remove", "web", check=False)
    assert refused.returncode == 1
    assert "the program where uses it, says the daemon" in refused.stderr
    box.systemctl("reload", "jumpbootd")
    assert box.call("where.prefix") == "/usr"
    box.run("jumpbootctl", "env", "remove", "web")
    assert not box.exists(FOLDER)


def test_a_program_whose_environment_is_missing_is_told(box):
    box.programs("where", {"programs": {"where": {
        "main": "where.py", "environment": {"env": "web"}}}}, where=WHERE)
    assert box.systemctl("start", "jumpbootd", check=False).returncode != 0
    box.wait_journal('there is no environment "web" in /var/lib/jumpbootd/envs')
