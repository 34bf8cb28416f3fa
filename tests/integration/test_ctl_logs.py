# SPDX-License-Identifier: MIT
"""jumpbootctl logs: what it makes of its options, with a journalctl that the test plays. The journal
itself is read by the tests in tests/system."""
import json
import os
import shutil
import subprocess

import pytest
from ctl import UNAVAILABLE, USAGE, ctl, ctl_command

NO_PERMISSION = 77
PLAYED = """#!/usr/bin/python3
import json, sys
print(json.dumps(sys.argv[1:]))
sys.exit(3)
"""


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """A folder with a journal file, and a journalctl that tells how it was called."""
    folder = tmp_path / "journal" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "system.journal").write_bytes(b"")
    tool = tmp_path / "bin" / "journalctl"
    tool.parent.mkdir()
    tool.write_text(PLAYED)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    return folder.parent


def called(journal, *words):
    """The arguments that journalctl got, without the two that are always there."""
    status, out, err = ctl("logs", "-D", str(journal), *words)
    assert (status, err) == (3, ""), "the exit status is journalctl's"
    arguments = json.loads(out)
    arguments.remove(f"--directory={journal}")
    return arguments


UNIT = "--unit=jumpbootd.service"


@pytest.mark.parametrize("words, expected", [
    ([], [UNIT, "--lines=1000"]),
    (["calc"], [UNIT, "--lines=1000", "JUMPBOOT_PROGRAM=calc"]),
    (["calc", "-f"], [UNIT, "--follow", "JUMPBOOT_PROGRAM=calc"]),
    (["-n", "5", "--follow"], [UNIT, "--follow", "--lines=5"]),
    (["--lines", "all"], [UNIT, "--lines=all"]),
    (["--since", "yesterday"], [UNIT, "--since=yesterday"]),
    (["--until=-5min", "-n", "7"], [UNIT, "--lines=7", "--until=-5min"]),
    (["-p", "error", "-n1"], [UNIT, "--lines=1", "--priority=3"]),
    (["-p", "warning", "-n1"], [UNIT, "--lines=1", "--priority=4"]),
    (["-p", "err..info", "-n1"], [UNIT, "--lines=1", "--priority=err..info"]),
    (["--worker", "4711", "-n1"], [UNIT, "--lines=1", "JUMPBOOT_WORKER=4711"]),
    (["--json", "-n1"], [UNIT, "--lines=1", "--output=json"]),
    (["-o", "cat", "-n1"], [UNIT, "--lines=1", "--output=cat"]),
    (["-u", "other.service", "-n1", "a-b_C"],
     ["--unit=other.service", "--lines=1", "JUMPBOOT_PROGRAM=a-b_C"]),
])
def test_what_is_asked_of_journalctl(journal, words, expected):
    assert called(journal, *words) == expected


@pytest.mark.parametrize("words, message", [
    (["logs", "a", "b"], 'logs: it takes one PROGRAM at most, "b" is too much'),
    (["logs", "a=b"], 'logs: "a=b" cannot be a program\'s name'),
    (["logs", ""], 'logs: "" cannot be a program\'s name'),
    (["logs", "-n", "many"], '--lines many: it is a number, or "all"'),
    (["logs", "--worker", "x"], "--worker x: it is the pid of a worker"),
    (["logs", "--json", "-o", "cat"], "--json and --output exclude each other"),
    (["logs", "-d", "1"], "logs: it takes no --delay, top does"),
    (["logs", "--count", "1"], "logs: it takes no --count, top does"),
    (["top", "-f"], "top: it takes no --follow, logs does"),
    (["status", "--since", "x"], "status: it takes no --since, logs does"),
    (["top", "-n", "all"], "--count all: it is a number"),
])
def test_command_lines_that_are_wrong(journal, words, message):
    status, out, err = ctl(*words)
    assert (status, out) == (USAGE, "")
    assert message in err


def test_no_journal(tmp_path):
    status, out, err = ctl("logs", "-D", str(tmp_path))
    assert (status, out) == (UNAVAILABLE, "")
    assert err == f"jumpbootctl: logs: there are no journal files in {tmp_path}\n"


def test_no_journalctl(journal, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    status, out, err = ctl("logs", "-D", str(journal))
    assert (status, out) == (UNAVAILABLE, "")
    assert "cannot run journalctl, which is a part of systemd" in err


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else takes root")
@pytest.mark.parametrize("denied", ["system.journal", "."])
def test_no_right_to_read(journal, denied):
    """Whoever may not read the files, or not even look for them, is told so."""
    folder = next(journal.iterdir())
    (folder / denied).chmod(0o600)
    for path in (journal.parent, *journal.parent.parents):
        if path != path.parent and path.stat().st_uid == 0 and path.name.startswith("pytest-"):
            path.chmod(0o755)
    command = shutil.copy(ctl_command()[-1], journal.parent / "jumpbootctl")
    run = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", command,
                          "logs", "-D", str(journal)], capture_output=True, text=True)
    assert run.returncode == NO_PERMISSION, run
    assert "you may not read the journal" in run.stderr
