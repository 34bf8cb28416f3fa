# SPDX-License-Identifier: MIT
"""jumpbootctl env: environments by name, what they are made of, and programs that run in them."""
import hashlib
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from ctl import USAGE, Terminal
from env_store import MARKER, Envs, Index, make_wheel
from harness import Daemon, run_daemon, source

NO_INPUT, DATA, UNAVAILABLE, CANNOT_CREATE, NO_PERMISSION, CONFIG = 66, 65, 69, 73, 77, 78
LOOK = """
import os
import sys

def look():
    import greeting
    return {"greeting": greeting.TEXT, "prefix": sys.prefix, "path": os.environ["PATH"],
            "venv": os.environ.get("VIRTUAL_ENV")}
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A store with one environment, which no test changes."""
    envs = Envs(tmp_path_factory.mktemp("shared"))
    make_wheel(envs.wheels, "greeting", "1.2", 'TEXT = "hello"\n', requires=["polite-words"])
    make_wheel(envs.wheels, "greeting", "0.9", 'TEXT = "hi"\n')
    make_wheel(envs.wheels, "polite-words", "3.0")
    envs.create("web", "greeting", variables={"VIRTUAL_ENV": "/elsewhere", "PYTHONPATH": "/x"})
    return envs


@pytest.fixture
def envs(tmp_path):
    return Envs(tmp_path)


# Making and using.


def test_a_worker_runs_in_it(shared, start_daemon):
    daemon = start_daemon({"look": {"main": source(LOOK), "environment": {"env": "web"}}},
                          server={"state_directory": str(shared.state)})
    folder = str(shared.store / "web")
    seen = daemon.call("look.look")
    assert seen["path"].startswith(f"{folder}/bin:")
    assert {**seen, "path": None} == {
        "greeting": "hello", "prefix": folder, "venv": folder, "path": None}
    assert daemon.program_status("look")["python"] == f"{folder}/bin/python3"


def test_info(shared):
    info = shared.info("web")
    folder = shared.store / "web"
    assert info["path"] == str(folder)
    assert info["manager"] == "venv"
    assert info["python"].split(".")[0] == "3"
    assert info["site_packages"] == [str(next(folder.glob("lib/python*/site-packages")))]
    assert info["programs"] == []
    packages = {package["name"]: package["version"] for package in info["packages"]}
    assert packages["greeting"] == "1.2"
    assert packages["polite-words"] == "3.0"
    assert packages["pip"] == info["pip"]
    status, out, _ = shared.run("info", "web")
    assert status == 0
    for text in (str(folder), info["python"], "greeting", "polite-words"):
        assert text in out


def test_list(shared):
    status, out, _ = shared.run("list", "--json")
    listed = json.loads(out)[0]
    created = listed.pop("created")
    assert (status, created.endswith("Z")) == (0, True)
    assert listed == {
        "name": "web", "manager": "venv", "python": shared.info("web")["python"],
        "path": str(shared.store / "web"), "broken": False, "programs": []}
    status, out, _ = shared.run("list")
    assert out.splitlines()[0].split() == ["NAME", "MANAGER", "PYTHON", "MADE", "STATE", "PROGRAMS"]
    assert out.splitlines()[1].split()[0] == "web"


def test_nothing_is_listed_where_there_is_nothing(envs):
    assert envs.run("list") == (0, "There are no environments.\n", "")
    assert envs.run("list", "--json") == (0, "[]\n", "")
    assert envs.left() == []


def test_freeze_and_restore_give_the_same(shared):
    status, out, err = shared.run("freeze", "web")
    assert (status, err) == (0, "")
    frozen = json.loads(out)
    assert frozen["python"]["version"] == shared.info("web")["python"]
    # what did not come by its name comes from the same place again
    local = make_wheel(shared.folder / "local", "Local_Thing", "5")
    digest = hashlib.sha256(local.read_bytes()).hexdigest()
    frozen["packages"].insert(1, {"name": "local-thing", "version": "5",
                                  "url": f"file://{local}#sha256={digest}"})
    file = shared.folder / "web.json"
    # what is newer must not come in its place
    make_wheel(shared.wheels, "polite-words", "4.0")
    frozen["packages"] = [
        {**package, "version": "0.9"} if package["name"] == "greeting" else package
        for package in frozen["packages"]]
    file.write_text(json.dumps(frozen))
    status, _, err = shared.run("restore", file, "again", "--no-index", "--find-links",
                                shared.wheels)
    assert status == 0, err
    assert json.loads(shared.run("freeze", "again")[1]) == frozen
    assert shared.packages("again")["greeting"] == "0.9"
    assert shared.run("remove", "again")[0] == 0


def test_requirements_and_site_packages(envs):
    make_wheel(envs.wheels, "greeting")
    requirements = envs.folder / "requirements.txt"
    requirements.write_text("greeting==1.0\n")
    out, err = envs.create("web", "--requirements", requirements, "--system-site-packages", "--json")
    made = json.loads(out)
    assert made["system_site_packages"] is True
    assert "greeting" in [package["name"] for package in made["packages"]]
    assert "web: making a venv of Python" in err
    assert "web: installing packages: Processing" in err
    frozen = json.loads(envs.run("freeze", "web")[1])
    assert frozen["system_site_packages"] is True


def test_others_may_read_it_and_not_write(envs):
    previous = os.umask(0o077)
    try:
        envs.create("web")
    finally:
        os.umask(previous)
    for path in [envs.store, envs.store / "web", *(envs.store / "web").rglob("*")]:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            assert mode & 0o022 == 0, path
            assert mode & 0o044 == 0o044, path
            assert mode & 0o011 == 0o011 or not stat.S_ISDIR(mode), path
    assert envs.left() == ["web"]


def test_packages_come_from_an_index(envs):
    """By pip's variable, which may hold a password; by the option in test_env_ends."""
    make_wheel(envs.wheels, "greeting", "1.2")
    with Index(envs.wheels, is_open=True) as index:
        status, _, err = envs.run("create", "web", "greeting",
                                  variables={"PIP_INDEX_URL": index.url})
    assert status == 0, err
    assert envs.packages("web")["greeting"] == "1.2"


def test_a_terminal_shows_one_line(envs):
    with Terminal(*envs.command("create", "web", "--no-index")[1:], socket="/nowhere") as terminal:
        terminal.wait_for("\r\033[Kweb: making a venv of Python", " s)", "\r\033[Kweb: installing pip",
                          "\r\033[Kweb: Python", f"in {envs.store / 'web'}")
        assert terminal.wait_end() == 0


# What cannot be made.


def test_there_is_one_already(shared):
    before = (shared.store / "web" / MARKER).read_text()
    status, _, err = shared.run("create", "web")
    assert status == CANNOT_CREATE
    assert 'there is an environment "web" already' in err
    assert (shared.store / "web" / MARKER).read_text() == before
    assert ".web.lock" not in shared.left()


def test_a_folder_of_somebody_else_is_left_alone(envs):
    (envs.store / "mine").mkdir(parents=True)
    (envs.store / "mine" / "file").write_text("x")
    for _ in range(2):
        status, _, err = envs.run("create", "mine")
        assert status == CANNOT_CREATE
        assert "is no environment that jumpbootctl has made" in err
    assert (envs.store / "mine" / "file").read_text() == "x"
    assert envs.left() == ["mine"]
    assert envs.names() == []


def test_a_package_that_is_not_there(envs):
    make_wheel(envs.wheels, "greeting")
    status, out, err = envs.run("create", "web", "greeting>2", "--no-index", "--find-links",
                                envs.wheels)
    assert (status, out) == (1, "")
    assert "Could not find a version that satisfies the requirement greeting>2" in err
    assert err.endswith("jumpbootctl: env create web: pip install failed with exit status 1\n")
    assert envs.left() == []


@pytest.mark.parametrize("words, told", [
    (["create"], "env create: it takes NAME [PACKAGE ...]"),
    (["create", "../web"], 'env create: "../web" cannot be the name'),
    (["create", ".web"], "cannot be the name"),
    (["create", "web", "--", "-r"], 'env create: "-r" is no package'),
    (["create", "web", ""], 'env create: "" is no package'),
    (["create", "web", "--manager", "conda"], "--manager conda: it is venv or micromamba"),
    (["create", "web", "--channel", "x"], "--channel is for --manager micromamba"),
    (["create", "web", "--manager", "micromamba", "--no-index"], "--no-index is for --manager venv"),
    (["create", "web", "--no-index", "--index-url", "x"], "exclude each other"),
    (["create", "web", "--python", ""], "--python needs a value"),
    (["info"], "env info: it takes NAME"),
    (["info", "a", "b"], '"b" is too much'),
    (["list", "a"], '"a" is too much'),
    (["list", "--python", "x"], "env list: it takes no --python"),
    (["restore", "file"], "env restore: it takes FILE NAME"),
    (["restore", "file", "web", "--requirements", "x"], "env restore: it takes no --requirements"),
    (["make", "web"], "env: make: it takes create, list"),
])
def test_usage(envs, words, told):
    status, out, err = envs.run(*words)
    assert (status, out) == (USAGE, "")
    assert told in err
    assert envs.left() == []


@pytest.mark.parametrize("command", ["info", "freeze", "remove"])
def test_unknown_names(shared, command):
    status, out, err = shared.run(command, "wed")
    assert (status, out) == (NO_INPUT, "")
    assert f'jumpbootctl: env {command} wed: there is no environment "wed"' in err
    assert 'did you mean "web"?' in err


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("text, told", [
    (None, "No such file or directory"),
    ("#!/bin/sh\nexit 1\n", "is no Python that works"),
    ("#!/bin/sh\necho a word\n", "is no Python that works"),
    ("#!/bin/sh\necho '{\"version\": \"3.8.18\"}'\n", "is Python 3.8.18: 3.9 or newer is needed"),
    ("#!/bin/sh\necho '{\"version\": \"3.11.2\", \"missing\": [\"ensurepip\"], \"base\": \"/x\"}'\n",
     "cannot make a venv: its module ensurepip is missing"),
])
def test_a_python_that_will_not_do(envs, text, told):
    python = envs.folder / "python"
    if text:
        script(python, text)
    status, out, err = envs.run("create", "web", "--python", python)
    assert (status, out) == (UNAVAILABLE, "")
    assert told in err
    assert envs.left() == []


@pytest.mark.skipif(not os.path.exists("/etc/debian_version"), reason="it is Debian's package")
def test_the_package_that_is_missing_is_told(envs):
    python = script(envs.folder / "python", "#!/bin/sh\necho '" + json.dumps(
        {"version": "3.11.2", "missing": ["ensurepip"], "base": "/usr"}) + "'\n")
    err = envs.run("create", "web", "--python", python)[2]
    assert "(Debian and Ubuntu: apt-get install python3.11-venv)" in err


def test_a_state_directory_that_others_can_write(envs):
    envs.state.chmod(0o777)
    status, _, err = envs.run("create", "web")
    assert status == NO_PERMISSION
    assert f"{envs.state} can be written by others" in err


@pytest.mark.parametrize("text, told", [
    ("{", "is no JSON"),
    ("[]", 'it has no "jumpboot_environment"'),
    ('{"jumpboot_environment": 2}', "a newer jumpbootctl"),
    ('{"jumpboot_environment": 1, "manager": "pip"}', '"manager" is neither'),
    ('{"jumpboot_environment": 1, "manager": "venv", "python": {}}', '"python" has no "version"'),
    ('{"jumpboot_environment": 1, "manager": "venv", "python": {"version": "3.11.2"}}',
     '"packages" is no array'),
    ('{"jumpboot_environment": 1, "manager": "venv", "python": {"version": "3.11.2"},'
     ' "packages": [{"name": "--user", "version": "1"}]}', '"packages"[0] has no "name"'),
    ('{"jumpboot_environment": 1, "manager": "venv", "python": {"version": "3.11.2"},'
     ' "packages": [{"name": "a", "version": "1"}, {"name": "a", "version": "1 x"}]}',
     '"packages"[1] has no "version"'),
    ('{"jumpboot_environment": 1, "manager": "micromamba", "python": {"version": "3.11.2"},'
     ' "packages": [{"name": "a", "version": "1"}]}', '"packages"[0] has no "url"'),
])
def test_a_file_that_freeze_did_not_write(envs, text, told):
    file = envs.folder / "file.json"
    file.write_text(text)
    status, _, err = envs.run("restore", file, "web")
    assert status == DATA
    assert f"{file} is" in err and told in err
    assert envs.left() == []


def test_restore_needs_its_file_and_its_python(envs):
    status, _, err = envs.run("restore", envs.folder / "gone", "web")
    assert status == NO_INPUT and "No such file or directory" in err
    file = envs.folder / "file.json"
    file.write_text(json.dumps({"jumpboot_environment": 1, "manager": "venv",
                                "python": {"version": "3.99.1"}, "packages": []}))
    status, _, err = envs.run("restore", file, "web")
    assert status == UNAVAILABLE
    assert "there is no python3.99 on PATH" in err
    status, _, err = envs.run("restore", file, "web", "--python", "/usr/bin/python3")
    assert status == UNAVAILABLE
    assert "it was frozen with Python 3.99.1, and /usr/bin/python3 is Python 3." in err
    assert envs.left() == []


# Which programs use it.


def finished(envs, name):
    """An environment that is complete for all that looks at it from without."""
    folder = envs.store / name
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("")
    (folder / "bin" / "python3").symlink_to("/usr/bin/python3")
    (folder / MARKER).write_text('{"manager": "venv", "python": "3.11.2"}')
    return folder


@pytest.mark.parametrize("form", ["env", "venv", "prefix", "python"])
def test_what_the_config_names_is_not_removed(envs, form):
    folder = finished(envs, "web")
    finished(envs, "web2")
    environment = {form: {"env": "web", "python": f"{folder}/bin/python3"}.get(form, str(folder))}
    envs.write_config({"site": environment})
    status, _, err = envs.run("remove", "web")
    assert status == 1
    assert err == "jumpbootctl: env remove web: the program site uses it, says the config\n"
    assert json.loads(envs.run("list", "--json")[1])[0]["programs"] == ["site"]
    assert envs.run("remove", "web2") == (0, "", "")
    assert envs.left() == ["web"]


def test_a_wrong_config_does_not_say_what_is_used(envs):
    finished(envs, "web")
    envs.write_config({"site": {"env": "other"}}, no_such_option=1)
    status, _, err = envs.run("remove", "web")
    assert status == CONFIG
    assert 'unknown option "no_such_option"' in err
    assert "does not say whether a program uses it" in err
    assert envs.left() == ["web"]


def test_what_the_daemon_runs_is_not_removed(envs):
    """Its config has changed since, and was not read again."""
    finished(envs, "web")
    daemon = Daemon({"site": {"main": source("def f(): return 1"), "environment": {"env": "web"}}},
                    server={"state_directory": str(envs.state),
                            "listen": str(envs.folder / "socket")})
    try:
        status, _, err = envs.run("remove", "web")
        assert status == 1
        assert err == "jumpbootctl: env remove web: the program site uses it, says the daemon\n"
        assert daemon.call("site.f") == 1
    finally:
        daemon.finish()
    assert envs.run("remove", "web") == (0, "", "")
    assert envs.left() == []


def test_a_program_whose_environment_was_never_made(envs):
    envs.write_config({"site": {"env": "web"}})
    check = run_daemon("--check-config", "--config", envs.config)
    assert check.returncode == CONFIG
    assert '"jumpbootctl env create web" makes it' in check.stderr
    envs.create("web")
    assert run_daemon("--check-config", "--config", envs.config).returncode == 0
    (envs.store / "web" / "bin" / "python3").unlink()
    (envs.store / "web" / "bin" / "python3").symlink_to("/gone/python3.11")
    check = run_daemon("--check-config", "--config", envs.config)
    assert "the environment has no Python that works" in check.stderr
    assert "it leads to /gone/python3.11, which is not there" in check.stderr
    assert json.loads(envs.run("list", "--json")[1])[0]["broken"] is True
    assert envs.run("info", "web")[0] == UNAVAILABLE


def test_the_jumpbootd_that_is_asked_may_be_missing(envs):
    """jumpbootctl looks for it beside itself."""
    binary = Path(envs.command("list")[0])
    if not binary.is_absolute():
        pytest.skip("jumpbootctl is not one file")
    alone = envs.folder / "bin"
    alone.mkdir()
    shutil.copy(binary, alone / "jumpbootctl")
    run = subprocess.run([alone / "jumpbootctl", "env", "list", "--config", envs.config],
                         capture_output=True, text=True)
    if run.returncode == 0:
        pytest.skip("jumpbootd is installed where the build says")
    assert run.returncode == UNAVAILABLE
    assert "cannot have the config read by" in run.stderr
