# SPDX-License-Identifier: MIT
"""Environments that python -m venv makes, and pip fills."""
import os
import re
import stat
import sys
from pathlib import Path

from envtool.failure import UNAVAILABLE, Failure
from envtool.pythons import ask


def make(job, making, python):
    """An empty one, with pip."""
    info = ask(python)
    if info["missing"]:
        raise Failure(f"{python} cannot make a venv: its module {info['missing'][0]} is missing"
                      + _debian_package(info), UNAVAILABLE)
    making.progress.begin(f"making a venv of Python {info['version']}")
    options = ["--system-site-packages"] if job["system_site_packages"] else []
    making.runner.run("python -m venv", [
        info["executable"], "-I", "-m", "venv", "--without-pip", *options, making.folder])
    making.progress.begin("installing pip")
    making.runner.run("python -m ensurepip",
                      [making.python, "-I", "-m", "ensurepip", "--default-pip"])
    making.marker["system_site_packages"] = job["system_site_packages"]
    _warn_of_unreachable(making)


def create(job, making):
    make(job, making, command_of(job["python"]) or "/usr/bin/python3")
    words = [word for path in job["requirements"] for word in ("--requirement", path)]
    if job["packages"]:
        words += ["--", *job["packages"]]
    if words:
        making.progress.begin("installing packages")
        install(job, making, words)


def command_of(python):
    """A version alone stands for the command of that version."""
    return f"python{python}" if python and re.fullmatch(r"\d+\.\d+", python) else python


def install(job, making, words):
    """The URL may have a password in it, which has no place on a command line."""
    variables = {"PIP_INDEX_URL": job["index_url"]} if job["index_url"] else {}
    options = ["--no-index"] if job["no_index"] else []
    options += [word for place in job["find_links"] for word in ("--find-links", place)]
    making.runner.run("pip install", [*pip(making), "install", *options, *words], **variables)


def pip(making):
    return [making.python, "-I", "-m", "pip"]


def _debian_package(info):
    if not os.path.exists("/etc/debian_version") or info["base"] != "/usr":
        return ""
    minor = ".".join(info["version"].split(".")[:2])
    return f" (Debian and Ubuntu: apt-get install python{minor}-venv)"


def _warn_of_unreachable(making):
    """Workers run as another user, who has to get to the Python behind the link."""
    for folder in Path(os.path.realpath(making.python)).parents:
        if not stat.S_IMODE(folder.stat().st_mode) & stat.S_IXOTH:
            making.progress.end()
            print(f"jumpbootctl: warning: its Python lies in {folder}, which other users may not "
                  "enter, those that workers run as among them", file=sys.stderr, flush=True)
            return
