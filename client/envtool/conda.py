# SPDX-License-Identifier: MIT
"""Environments that micromamba makes."""
import json
import os
import shutil

from envtool.failure import UNAVAILABLE, Failure

DEFAULT_CHANNEL = "conda-forge"


def create(job, making):
    channels = job["channels"] or [DEFAULT_CHANNEL]
    words = ["--override-channels"]
    words += [word for name in channels for word in ("--channel", name)]
    words += [word for path in job["requirements"] for word in ("--file", path)]
    words += [f"python={job['python']}" if job["python"] else "python", *job["packages"]]
    making.progress.begin("making a conda environment")
    run(job, making, words)
    making.marker["channels"] = channels


def run(job, making, words):
    """Its cache lies beside the store, unless the caller has one."""
    os.rmdir(making.folder)  # it takes no folder that it has not made
    cache = {} if "MAMBA_ROOT_PREFIX" in os.environ else {
        "MAMBA_ROOT_PREFIX": str(making.folder.parent.parent / "micromamba")}
    making.runner.run("micromamba", [
        _find(job), "create", "--yes", "--prefix", making.folder, *words], **cache)


def packages(folder):
    """What is in it, each with the address that the very same one comes from."""
    found = []
    for path in sorted((folder / "conda-meta").glob("*.json")):
        package = json.loads(path.read_text())
        found.append({key: package[key] for key in ("name", "version", "build", "url", "md5")
                      if package.get(key)})
    return found


def _find(job):
    found = job["micromamba"] or shutil.which("micromamba")
    if found:
        return found
    raise Failure("there is no micromamba on PATH, and the option \"micromamba\" of "
                  "jumpbootd.conf names none", UNAVAILABLE)
