# SPDX-License-Identifier: MIT
"""An environment as a file: what it consists of, so that the same can be made elsewhere."""
import contextlib
import json
import os
import re
import shutil
import tempfile

from envtool import conda, venvs
from envtool.failure import DATA, NO_INPUT, UNAVAILABLE, Failure
from envtool.pythons import ask, minor_version

FORMAT = 1
NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
VERSION = r"[A-Za-z0-9][A-Za-z0-9._+!-]*"
URL = r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+"


def freeze(store, name):
    folder = store.path(name)
    marker = store.read_marker(name)
    manager = marker.get("manager", "venv")
    info = ask(folder / "bin/python3", with_packages=True)
    base = os.path.realpath(info["executable"])
    return {
        "jumpboot_environment": FORMAT,
        "manager": manager,
        "channels": marker.get("channels", []),
        "python": {"version": info["version"], "implementation": info["implementation"],
                   "executable": base},
        "system_site_packages": marker.get("system_site_packages", False),
        "packages": conda.packages(folder) if manager == "micromamba" else info["packages"],
    }


def read(path):
    """Raises a Failure that says where the file is not what freeze writes."""
    try:
        with open(path, encoding="utf-8") as file:
            frozen = json.load(file)
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}", NO_INPUT) from None
    except ValueError as error:
        raise Failure(f"{path} is no JSON: {error}", DATA) from None
    fault = _fault(frozen)
    if fault:
        raise Failure(f"{path} is not what \"jumpbootctl env freeze\" writes: {fault}", DATA)
    return frozen


def _fault(frozen):
    if not isinstance(frozen, dict) or "jumpboot_environment" not in frozen:
        return "it has no \"jumpboot_environment\""
    if frozen["jumpboot_environment"] != FORMAT:
        return f"\"jumpboot_environment\" is not {FORMAT}: a newer jumpbootctl has written it"
    if frozen.get("manager") not in ("venv", "micromamba"):
        return "\"manager\" is neither \"venv\" nor \"micromamba\""
    python = frozen.get("python")
    if not isinstance(python, dict) or not _fits(python.get("version"), r"\d+\.\d+(\.\d+)?"):
        return "\"python\" has no \"version\" like \"3.11.2\""
    if not isinstance(frozen.get("system_site_packages", False), bool):
        return "\"system_site_packages\" is neither true nor false"
    channels, packages = frozen.get("channels", []), frozen.get("packages")
    if not isinstance(channels, list) or not all(_fits(name, r"\S+") for name in channels):
        return "\"channels\" is no array of names"
    if not isinstance(packages, list):
        return "\"packages\" is no array"
    for index, package in enumerate(packages):
        fault = _package_fault(package, frozen["manager"])
        if fault:
            return f"\"packages\"[{index}] {fault}"
    return None


def _package_fault(package, manager):
    if not isinstance(package, dict):
        return "is no object"
    if not _fits(package.get("name"), NAME if manager == "venv" else "_?" + NAME):
        return "has no \"name\" that a package can have"
    if not _fits(package.get("version"), VERSION):
        return "has no \"version\""
    if ("url" in package or manager == "micromamba") and not _fits(package.get("url"), URL):
        return "has no \"url\" that is one"
    if not _fits(package.get("md5", "0" * 32), r"[0-9a-f]{32}"):
        return "has an \"md5\" that is none"
    return None


def _fits(value, pattern):
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def restore(job, frozen, making):
    if frozen["manager"] == "micromamba":
        _restore_conda(job, frozen, making)
    else:
        _restore_venv(job, frozen, making)


def _restore_conda(job, frozen, making):
    making.progress.begin("making a conda environment")
    with tempfile.NamedTemporaryFile("w", prefix="jumpbootctl-", suffix=".txt") as explicit:
        print("@EXPLICIT", file=explicit)
        for package in frozen["packages"]:
            md5 = f"#{package['md5']}" if "md5" in package else ""
            print(package["url"] + md5, file=explicit)
        explicit.flush()
        conda.run(job, making, ["--file", explicit.name])
    making.marker["channels"] = frozen.get("channels", [])
    _verify(frozen["packages"], conda.packages(making.folder))


def _restore_venv(job, frozen, making):
    job = {**job, "system_site_packages": frozen.get("system_site_packages", False)}
    venvs.make(job, making, _choose_python(job["python"], frozen["python"]))
    there = {package["name"]: package
             for package in ask(making.python, with_packages=True)["packages"]}
    wanted = {package["name"]: package for package in frozen["packages"]}
    words = [f"{name} @ {package['url']}" if "url" in package else f"{name}=={package['version']}"
             for name, package in wanted.items() if there.get(name) != package]
    if words:
        making.progress.begin(f"installing {len(words)} packages")
        venvs.install(job, making, ["--no-deps", "--", *words])
    extra = sorted(set(there) - set(wanted))
    if extra:  # pip last, which removes the others
        extra.sort(key=lambda name: name == "pip")
        making.runner.run("pip uninstall", [*venvs.pip(making), "uninstall", "--yes", *extra])
    _verify(frozen["packages"], ask(making.python, with_packages=True)["packages"])


def _choose_python(named, wanted):
    """The one that is named; else the one that it was made with, or another of that version."""
    if named:
        python = venvs.command_of(named)
        version = ask(python)["version"]
        if minor_version(version) == minor_version(wanted["version"]):
            return python
        raise Failure(f"it was frozen with Python {wanted['version']}, and {named} is Python "
                      f"{version}", UNAVAILABLE)
    minor = ".".join(wanted["version"].split(".")[:2])
    for python in (wanted.get("executable"), f"python{minor}", "/usr/bin/python3", "python3"):
        path = shutil.which(python) if isinstance(python, str) else None
        with contextlib.suppress(Failure):  # a candidate that is none
            if path and minor_version(ask(path)["version"]) == minor_version(wanted["version"]):
                return path
    raise Failure(f"it was frozen with Python {wanted['version']}, and there is no python{minor} on "
                  "PATH: --python can name one", UNAVAILABLE)


def _verify(wanted, found):
    def key(packages):
        return {(package["name"], package["version"]) for package in packages}

    missing, extra = key(wanted) - key(found), key(found) - key(wanted)
    if missing or extra:
        texts = [f"{name} {version}" for name, version in sorted(missing)]
        texts += [f"{name} {version} too much" for name, version in sorted(extra)]
        raise Failure("what was made is not what was frozen: " + ", ".join(texts))
