# SPDX-License-Identifier: MIT
"""jumpbootctl env that comes to no good end: signals, a full disk, two at one time.

An environment is there as a whole or not at all, whatever has happened while it was made.
"""
import contextlib
import json
import os
import signal
import subprocess

import pytest
from env_store import PATIENCE, Envs, Index, make_wheel
from harness import is_gone, processes_with, run_daemon, wait_until

IO_ERROR, TRY_AGAIN = 74, 75


@pytest.fixture
def envs(tmp_path):
    envs = Envs(tmp_path)
    make_wheel(envs.wheels, "greeting")
    return envs


@pytest.fixture
def index(envs):
    with Index(envs.wheels) as index:
        yield index


@contextlib.contextmanager
def half_way(envs, index, name="web", mark="JUMPBOOT_TEST_HALF_WAY"):
    """The command, while its pip waits for an answer of the index."""
    process = envs.start("create", name, "greeting", "--index-url", index.url,
                         variables={mark: name})
    try:
        index.wait_asked()
        yield process
    finally:
        for pid in processes_with(f"{mark}={name}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()


def assert_half_made(envs, name="web"):
    """It lies there, and is none for anybody."""
    assert (envs.store / name / "bin" / "python3").exists()
    assert envs.names() == []
    assert envs.run("info", name)[0] == 66
    envs.write_config({"site": {"env": name}})
    check = run_daemon("--check-config", "--config", envs.config)
    assert check.returncode == 78
    assert f'there is but a half-made environment "{name}"' in check.stderr
    envs.write_config()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing(envs, index, number):
    with half_way(envs, index) as process:
        assert_half_made(envs)
        process.send_signal(number)
        assert process.wait(PATIENCE) == 128 + number
        assert envs.left() == []
        assert processes_with("JUMPBOOT_TEST_HALF_WAY=web") == []


def test_ctrl_c_reaches_the_whole_group(envs, index):
    """As a terminal sends it; the second one does not keep it from tidying up."""
    with half_way(envs, index) as process:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE) == 128 + signal.SIGINT
        assert envs.left() == []


def test_what_is_killed_is_removed_by_the_next(envs, index):
    with half_way(envs, index) as process:
        process.kill()
        process.wait(PATIENCE)
        wait_until(lambda: not processes_with("JUMPBOOT_TEST_HALF_WAY=web"), "pip to end as well",
                   PATIENCE)
        assert_half_made(envs)
        assert envs.left() == [".web.lock", "web"]
        status, _, err = envs.run("remove", "other")
        assert status == 66
        assert 'removing "web", which was left half made' in err
        assert envs.left() == []


def test_the_same_name_again_after_a_kill(envs, index):
    with half_way(envs, index) as process:
        process.kill()
        process.wait(PATIENCE)
        wait_until(lambda: not processes_with("JUMPBOOT_TEST_HALF_WAY=web"), "pip to end as well",
                   PATIENCE)
    _, err = envs.create("web", "greeting")
    assert 'removing "web", which was left half made' in err
    assert envs.packages("web")["greeting"] == "1.0"
    assert envs.left() == ["web"]


def test_pip_that_is_killed_is_a_failure(envs, index):
    with half_way(envs, index) as process:
        pip = [pid for pid in processes_with("JUMPBOOT_TEST_HALF_WAY=web")
               if b"install" in command_line(pid) and b"pip" in command_line(pid)]
        os.kill(pip[0], signal.SIGKILL)
        assert process.wait(PATIENCE) == 1
        assert process.stderr.read().endswith(
            "jumpbootctl: env create web: pip install was killed by SIGKILL\n")
        assert envs.left() == []


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def test_one_at_a_time_makes_a_name(envs, index):
    with half_way(envs, index) as process:
        for words in (["create", "web"], ["remove", "web"]):
            status, _, err = envs.run(*words)
            assert status == TRY_AGAIN, err
            assert 'another jumpbootctl is at work on "web"' in err
        envs.create("other")
        assert envs.names() == ["other"]
        index.release()
        assert process.wait(PATIENCE) == 0, process.stderr.read()
    assert envs.names() == ["other", "web"]
    assert envs.left() == ["other", "web"]


def test_a_password_in_the_url_is_on_no_command_line(envs, index):
    secret = index.url.replace("//", "//user:secret@")
    process = envs.start("create", "web", "greeting", "--index-url", secret,
                         variables={"JUMPBOOT_TEST_SECRET": "1"})
    try:
        index.wait_asked()
        pids = set(processes_with("JUMPBOOT_TEST_SECRET=1"))
        assert len(pids) >= 2
        assert not [pid for pid in pids if any(b"secret" in word for word in command_line(pid))]
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@pytest.fixture
def small_disk(tmp_path):
    """A file system that has no room for pip."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4M,mode=0755", "none", str(disk)],
                           capture_output=True, text=True)
    if mount.returncode != 0:
        pytest.skip(f"no file system can be mounted: {mount.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk(tmp_path, small_disk):
    envs = Envs(tmp_path, small_disk / "state")
    envs.state.mkdir(exist_ok=True)
    status, _, err = envs.run("create", "web")
    assert status == IO_ERROR
    assert "No space left on device" in err
    assert err.endswith("jumpbootctl: env create web: python -m ensurepip: the disk is full\n")
    assert envs.left() == []


def test_a_disk_that_is_full_at_the_last_step(tmp_path, small_disk):
    """Nothing but the marker finds no room: without it there is no environment."""
    envs = Envs(tmp_path, small_disk / "state")
    python = tmp_path / "python"
    says = {"version": "3.11.2", "missing": [], "base": "/x", "executable": str(python)}
    # makes a venv that leaves not a byte, and needs no pip
    python.write_text(f"""#!/bin/sh
case "$2 $3" in
"-m ensurepip") dd if=/dev/zero of={small_disk}/full bs=4k ;;
"-m venv") for last; do :; done; mkdir "$last/bin"; ln -s {python} "$last/bin/python3" ;;
*) echo '{json.dumps(says)}' ;;
esac
exit 0
""")
    python.chmod(0o755)
    status, _, err = envs.run("create", "web", "--python", python)
    assert status == IO_ERROR, err
    assert "No space left on device" in err
    assert envs.left() == []


def test_nothing_is_left_running(envs, index):
    with half_way(envs, index) as process:
        pids = processes_with("JUMPBOOT_TEST_HALF_WAY=web")
        process.terminate()
        process.wait(PATIENCE)
        assert all(is_gone(pid) for pid in pids)
