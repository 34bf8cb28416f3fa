# SPDX-License-Identifier: MIT
"""jumpbootctl env --manager micromamba.

micromamba is played here: a program with its command line for "create", that makes a prefix as
micromamba does, with a conda-meta folder. What is downloaded and linked is micromamba's business.
"""
import json
import os
import re
import signal

import pytest
from env_store import PATIENCE, Envs
from harness import Daemon, source, wait_until

UNAVAILABLE = 69
MICROMAMBA = r'''#!/usr/bin/python3
import argparse, json, os, re, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("command", choices=["create"])
parser.add_argument("--yes", action="store_true", required=True)
parser.add_argument("--prefix", required=True)
parser.add_argument("--override-channels", action="store_true")
parser.add_argument("--channel", action="append", default=[])
parser.add_argument("--file", action="append", default=[])
parser.add_argument("specs", nargs="*")
options = parser.parse_intermixed_args()
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "log"), "a") as log:
    log.write(json.dumps({**vars(options), "root": os.environ.get("MAMBA_ROOT_PREFIX")}) + "\n")
if os.path.exists(options.prefix):
    sys.exit("critical libmamba Non-conda folder exists at prefix")
urls = []
for path in options.file:
    lines = open(path).read().split()
    if lines[0] == "@EXPLICIT":
        urls += lines[1:]
    else:
        options.specs += lines
for spec in options.specs:
    name, _, version = spec.partition("=")
    channel = options.channel[0] if options.channel else "none"
    url = f"https://conda.example/{channel}/noarch/{name}-{version or '3.11.2'}-0.conda"
    urls.append(f"{url}#{'%032x' % len(name)}")
meta = os.path.join(options.prefix, "conda-meta")
os.makedirs(meta)
os.makedirs(os.path.join(options.prefix, "bin"))
os.symlink("/usr/bin/python3", os.path.join(options.prefix, "bin", "python3"))
print("Linking python-3.11.2-0", flush=True)
for url in urls:
    url, _, md5 = url.partition("#")
    name, version, build = re.search(r"/([^/]+)-([^-]+)-([^-]+)\.conda$", url).groups()
    if name == "impossible":
        sys.exit("error    libmamba Could not solve for environment specs")
    if name == "endless":
        open(os.path.join(options.prefix, "waiting"), "w").close()
        time.sleep(1000)
    with open(os.path.join(meta, f"{name}-{version}-{build}.json"), "w") as file:
        json.dump({"name": name, "version": version, "build": build, "url": url, "md5": md5}, file)
'''


class Micromamba:
    def __init__(self, folder):
        folder.mkdir()
        self.path = folder / "micromamba"
        self.path.write_text(MICROMAMBA)
        self.path.chmod(0o755)
        self._log = folder / "log"

    def calls(self):
        return [json.loads(line) for line in self._log.read_text().splitlines()]


@pytest.fixture
def micromamba(tmp_path):
    return Micromamba(tmp_path / "bin")


@pytest.fixture
def envs(tmp_path, micromamba):
    envs = Envs(tmp_path)
    envs.write_config(micromamba=str(micromamba.path))
    return envs


def create(envs, *words, **options):
    status, _, err = envs.run("create", "sci", "--manager", "micromamba", *words, **options)
    assert status == 0, err
    return err


def test_what_it_is_asked_for(envs, micromamba):
    requirements = envs.folder / "more.txt"
    requirements.write_text("scipy=1.11\n")
    err = create(envs, "numpy=1.26", "--python", "3.11", "--channel", "bioconda", "--channel",
                 "conda-forge", "--requirements", requirements)
    assert micromamba.calls() == [{
        "command": "create", "yes": True, "prefix": str(envs.store / "sci"),
        "override_channels": True, "channel": ["bioconda", "conda-forge"],
        "file": [str(requirements)], "specs": ["python=3.11", "numpy=1.26"],
        "root": str(envs.state / "micromamba")}]
    assert "sci: making a conda environment: Linking python-3.11.2-0\n" in err
    info = envs.info("sci")
    assert info["manager"] == "micromamba"
    assert info["channels"] == ["bioconda", "conda-forge"]
    assert [package["name"] for package in info["packages"]] == ["numpy", "python", "scipy"]


def test_its_own_settings_count(envs, micromamba):
    create(envs, variables={"MAMBA_ROOT_PREFIX": "/srv/cache"})
    call = micromamba.calls()[0]
    assert (call["root"], call["channel"], call["specs"]) == (
        "/srv/cache", ["conda-forge"], ["python"])


def test_it_is_found_on_path(tmp_path, micromamba):
    envs = Envs(tmp_path)
    create(envs, variables={"PATH": f"{micromamba.path.parent}:{os.environ['PATH']}"})
    assert envs.names() == ["sci"]


def test_it_may_be_missing(tmp_path):
    envs = Envs(tmp_path)
    (tmp_path / "empty").mkdir()
    words = ["create", "sci", "--manager", "micromamba"]
    status, _, err = envs.run(*words, variables={"PATH": str(tmp_path / "empty")})
    assert status == UNAVAILABLE
    assert 'there is no micromamba on PATH, and the option "micromamba"' in err
    envs.write_config(micromamba="/gone/micromamba")
    status, _, err = envs.run(*words)
    assert status == UNAVAILABLE
    assert "cannot run /gone/micromamba: No such file or directory" in err
    assert envs.left() == []


def test_its_failure_is_told_in_full(envs):
    status, _, err = envs.run("create", "sci", "impossible", "--manager", "micromamba")
    assert status == 1
    assert "error    libmamba Could not solve for environment specs\n" in err
    assert err.endswith("jumpbootctl: env create sci: micromamba failed with exit status 1\n")
    assert envs.left() == []


def test_a_signal_leaves_nothing(envs):
    process = envs.start("create", "sci", "endless", "--manager", "micromamba")
    try:
        wait_until((envs.store / "sci" / "waiting").exists, "micromamba to be at work")
        process.terminate()
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.communicate()
    assert envs.left() == []


def test_freeze_and_restore_give_the_same(envs, micromamba):
    create(envs, "numpy=1.26", "_libgcc_mutex=0.1", "--channel", "conda-forge")
    status, out, err = envs.run("freeze", "sci")
    assert status == 0, err
    frozen = json.loads(out)
    assert frozen["manager"] == "micromamba"
    assert frozen["channels"] == ["conda-forge"]
    assert {package["name"] for package in frozen["packages"]} == {
        "_libgcc_mutex", "numpy", "python"}
    assert all(re.fullmatch("[0-9a-f]{32}", package["md5"]) for package in frozen["packages"])
    file = envs.folder / "sci.json"
    file.write_text(out)
    status, _, err = envs.run("restore", file, "again")
    assert status == 0, err
    assert json.loads(envs.run("freeze", "again")[1]) == frozen
    assert micromamba.calls()[1]["specs"] == []
    assert envs.left() == ["again", "sci"]


def test_a_worker_runs_in_it(envs):
    create(envs)
    daemon = Daemon({"look": {"environment": {"env": "sci"}, "main": source("""
        import os

        def look():
            return os.environ["CONDA_PREFIX"], os.environ["PATH"].split(":")[0]
    """)}}, server={"state_directory": str(envs.state)})
    try:
        folder = str(envs.store / "sci")
        assert daemon.call("look.look") == [folder, f"{folder}/bin"]
    finally:
        daemon.finish()
