# SPDX-License-Identifier: MIT
"""What a Python says of itself."""
import json
import re
import subprocess
import sys

from envtool.commands import child_environment
from envtool.failure import UNAVAILABLE, Failure

OLDEST = (3, 9)
PATIENCE = 60  # seconds

# Runs in the one that is asked, of whatever version.
ASK = """
import sys
info = {"version": "%d.%d.%d" % sys.version_info[:3], "executable": sys.executable}
if sys.version_info < (3, 9):
    print('{"version": "%(version)s"}' % info)
    sys.exit()
import importlib.metadata, importlib.util, json, os, sysconfig
paths, variables = sysconfig.get_paths(), sysconfig.get_config_vars()
library = os.path.join(variables.get("LIBDIR") or "", variables.get("LDLIBRARY") or "")
headers = paths["include"]
site_packages = sorted({paths["purelib"], paths["platlib"]})
info.update(
    implementation=sys.implementation.name, base=sys.base_prefix,
    missing=[m for m in ("venv", "ensurepip") if not importlib.util.find_spec(m)],
    site_packages=site_packages,
    headers=headers if os.path.exists(os.path.join(headers, "Python.h")) else None,
    libpython=library if ".so" in library and os.path.exists(library) else None)
if len(sys.argv) > 1:
    info["packages"] = [
        {"name": d.metadata["Name"], "version": d.version,
         "direct_url": json.loads(d.read_text("direct_url.json") or "null")}
        for d in importlib.metadata.distributions(path=site_packages) if d.metadata["Name"]]
print(json.dumps(info))
"""


def ask(python, with_packages=False):
    """Raises a Failure if it cannot be run, is no Python or is too old."""
    command = [str(python), "-I", "-c", ASK] + ["packages"] * with_packages
    try:
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             errors="replace", env=child_environment(), timeout=PATIENCE)
    except OSError as error:
        raise Failure(f"cannot run the Python {python}: {error.strerror}", UNAVAILABLE) from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{python} says nothing for {PATIENCE} s: it is no Python that works",
                      UNAVAILABLE) from None
    info = _parse(run.stdout) if run.returncode == 0 else None
    if not info:
        sys.stderr.write(run.stderr)
        raise Failure(f"{python} is no Python that works", UNAVAILABLE)
    if minor_version(info["version"]) < OLDEST:
        raise Failure(f"{python} is Python {info['version']}: 3.9 or newer is needed", UNAVAILABLE)
    if with_packages:
        info["packages"] = sorted(map(_package, info["packages"]), key=lambda p: p["name"])
    return info


def _parse(text):
    try:
        info = json.loads(text)
    except ValueError:
        return None
    return info if isinstance(info, dict) and isinstance(info.get("version"), str) else None


def minor_version(version):
    """(3, 11) of "3.11.2"."""
    return tuple(int(part) for part in version.split(".")[:2])


def _package(found):
    """Name and version; of what came from a place of its own that as well, as pip has it."""
    package = {"name": re.sub(r"[-_.]+", "-", found["name"]).lower(), "version": found["version"]}
    direct = found["direct_url"]
    if direct:
        url = direct["url"]
        if "vcs_info" in direct:
            url = f"{direct['vcs_info']['vcs']}+{url}@{direct['vcs_info']['commit_id']}"
        elif direct.get("archive_info", {}).get("hash"):
            url += "#" + direct["archive_info"]["hash"]
        package["url"] = url
    return package
