# SPDX-License-Identifier: MIT
"""The commands, each with a job that is right as far as the command line can be."""
import errno
import json
import os
import sys
import traceback

from envtool import conda, frozen, venvs
from envtool.failure import (FAILED, IO_ERROR, NO_PERMISSION, OS_ERROR, Ended, Failure,
                             heed_signals)
from envtool.pythons import ask
from envtool.store import Store


def create(job, store):
    with store.making(job["name"]) as making:
        making.marker["manager"] = job["manager"]
        (conda if job["manager"] == "micromamba" else venvs).create(job, making)
        _complete(making)
    _tell_made(job, store)


def restore(job, store):
    wanted = frozen.read(job["file"])
    with store.making(job["name"]) as making:
        making.marker["manager"] = wanted["manager"]
        frozen.restore(job, wanted, making)
        _complete(making)
    _tell_made(job, store)


def remove(job, store):
    with store.locked(job["name"]) as lock:
        store.require(job["name"])
        store.remove(job["name"], lock)


def freeze(job, store):
    store.require(job["name"])
    _print(frozen.freeze(store, job["name"]))


def info(job, store):
    store.require(job["name"])
    _print(_describe(job, store))


def list_all(_job, store):
    _print([{"name": name, "manager": marker.get("manager"), "python": marker.get("python"),
             "created": marker.get("created"), "path": str(store.path(name)),
             "broken": not os.access(store.path(name) / "bin/python3", os.X_OK)}
            for name, marker in ((name, store.read_marker(name)) for name in store.names())])


COMMANDS = {"create": create, "restore": restore, "remove": remove, "freeze": freeze, "info": info,
            "list": list_all}


def _complete(making):
    making.marker["python"] = ask(making.python)["version"]


def _describe(job, store):
    name = job["name"]
    marker = store.read_marker(name)
    found = ask(store.path(name) / "bin/python3", with_packages=True)
    pip = [package["version"] for package in found["packages"] if package["name"] == "pip"]
    return {
        "name": name, "path": str(store.path(name)), "manager": marker.get("manager"),
        "channels": marker.get("channels", []), "created": marker.get("created"),
        "system_site_packages": marker.get("system_site_packages", False),
        "python": found["version"], "implementation": found["implementation"],
        "executable": found["executable"], "base": found["base"],
        "pip": pip[0] if pip else None, "site_packages": found["site_packages"],
        "headers": found["headers"], "libpython": found["libpython"],
        "packages": (conda.packages(store.path(name)) if marker.get("manager") == "micromamba"
                     else found["packages"]),
    }


def _tell_made(job, store):
    if job["json"]:
        print(json.dumps(_describe(job, store)))
    else:
        python = store.read_marker(job["name"])["python"]
        print(f"{job['name']}: Python {python}, in {store.path(job['name'])}")


def _print(value):
    print(json.dumps(value, indent=2))


def run(job):
    """Gives the exit status."""
    heed_signals()
    os.umask(0o022)
    try:
        COMMANDS[job["command"]](job, Store(job["store"], job["marker"]))
        sys.stdout.flush()
        return 0
    except Failure as failure:
        return _tell(job, str(failure), failure.status)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _tell(job, place + (error.strerror or str(error)), _status_of(error))
    except Ended as ended:
        return 128 + ended.number
    except Exception:
        traceback.print_exc()
        return _tell(job, "this is a fault of jumpbootctl", OS_ERROR)


def _status_of(error):
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return NO_PERMISSION
    return IO_ERROR if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) else FAILED


def _tell(job, text, status):
    name = f" {job['name']}" if job.get("name") else ""
    print(f"jumpbootctl: env {job['command']}{name}: {text}", file=sys.stderr, flush=True)
    return status
