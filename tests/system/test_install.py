# SPDX-License-Identifier: MIT
"""What make install brings, and make uninstall takes away."""
import os
import stat
import subprocess

import pytest
from box import installable_build
from harness import DEADLINE

PROGRAMS = ("/usr/sbin/jumpbootd", "/usr/bin/jumpbootctl")
FILES = (
    "/lib/systemd/system/jumpbootd.service",
    "/lib/systemd/system/jumpbootd.socket",
    "/usr/lib/sysusers.d/jumpbootd.conf",
    "/etc/jumpbootd/jumpbootd.conf",
    "/usr/share/man/man8/jumpbootd.8",
    "/usr/share/doc/jumpbootd/README.md",
    "/usr/share/doc/jumpbootd/examples/calc.py",
    "/usr/share/doc/jumpbootd/systemd/network.conf",
)
FOLDERS = ("/etc/jumpbootd", "/etc/jumpbootd/programs.d", "/usr/share/doc/jumpbootd")


@pytest.mark.parametrize("path", PROGRAMS + FILES + FOLDERS)
def test_belongs_to_root(box, path):
    found = box.stat(path)
    assert (found.st_uid, found.st_gid) == (0, 0)
    is_file = path in FILES
    assert stat.S_IMODE(found.st_mode) == (0o644 if is_file else 0o755)
    assert stat.S_ISDIR(found.st_mode) == (path in FOLDERS)


def test_nothing_has_special_rights(box):
    """No program that is installed is set-user-id, or has capabilities."""
    for path in PROGRAMS:
        assert box.stat(path).st_mode & (stat.S_ISUID | stat.S_ISGID) == 0
        assert "security.capability" not in os.listxattr(box.host_path(path))


def make(target, destination):
    subprocess.run(["make", "-C", installable_build(), target, f"DESTDIR={destination}"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
                   env={name: value for name, value in os.environ.items()
                        if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")},
                   timeout=4 * DEADLINE)


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_uninstall_leaves_what_is_the_administrators(tmp_path):
    make("install", tmp_path)
    assert len(files_below(tmp_path)) > 20
    settings = tmp_path / "etc/jumpbootd"
    (settings / "jumpbootd.conf").write_text("{}\n")
    (settings / "programs.d/own.conf").write_text("{}\n")
    make("install", tmp_path)
    assert (settings / "jumpbootd.conf").read_text() == "{}\n"
    make("uninstall", tmp_path)
    assert files_below(tmp_path) == ["etc/jumpbootd/jumpbootd.conf",
                                     "etc/jumpbootd/programs.d/own.conf"]


def test_uninstall_leaves_nothing_else(tmp_path):
    make("install", tmp_path)
    make("uninstall", tmp_path)
    assert files_below(tmp_path) == []
    assert not (tmp_path / "etc/jumpbootd").exists()
    assert not (tmp_path / "usr/share/doc/jumpbootd").exists()
