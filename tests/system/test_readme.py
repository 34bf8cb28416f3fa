# SPDX-License-Identifier: MIT
"""README.md, followed to the letter on a system that has never seen the project.

JUMPBOOT_README_BUILD names a build folder that was made by its own first command.
"""
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from box import HERE, installable_build
from harness import DEADLINE

README = (HERE.parent.parent / "README.md").read_text()
BUILD = "scripts/build-tree build -- "
INSTALL = "sudo make -C build install"


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## )", README, re.MULTILINE | re.DOTALL)[1]


def install_commands():
    """The indented lines of "Installing"."""
    return re.findall(r"^    (\S.*)$", section("Installing"), re.MULTILINE)


def example_files():
    """The files of the example: path → text."""
    return dict(re.findall(r"^`(/\S+)`:\n```\w*\n(.*?)^```", section("An example"),
                           re.MULTILINE | re.DOTALL))


def example_calls():
    """What is typed in the example, and what comes back: (command, output)."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```", section("An example"), re.MULTILINE | re.DOTALL)
    shell, socket = [text for language, text in fences if not language]
    for typed in re.split(r"^[#$] ", shell, flags=re.MULTILINE)[1:]:
        yield tuple(typed.split("\n", 1))
    command, answer, _ = socket.rsplit("\n", 2)
    yield command, answer + "\n"


def build_of_readme():
    return os.environ.get("JUMPBOOT_README_BUILD")


def run_in_new_box(build, script):
    """Boots once more: nothing of what the other tests have done is there."""
    return subprocess.run(
        [HERE / "booted", build, "sh", "-e", "-c", script], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=2 * DEADLINE,
    )


def install_script():
    """The commands after the install, which `booted` has done. Root has to ask nobody."""
    return "\n".join(line.replace("sudo ", "") for line in install_commands()[2:])


def test_begins_with_a_build_and_an_install():
    assert install_commands()[0].startswith(BUILD)
    assert install_commands()[1] == INSTALL


@pytest.mark.skipif(not build_of_readme(), reason="JUMPBOOT_README_BUILD names no build")
def test_the_build_is_the_one_of_readme():
    wanted = shlex.split(install_commands()[0][len(BUILD):])
    had = subprocess.run([Path(build_of_readme(), "config.status"), "--config"],
                         capture_output=True, text=True, check=True).stdout
    assert set(wanted) <= set(shlex.split(had))
    assert "--prefix" not in had


def test_the_commands_lead_to_a_running_service():
    done = run_in_new_box(build_of_readme() or installable_build(), f"""
        {{ {install_script()}
        }} >&2
        systemctl is-active jumpbootd.service jumpbootd.socket
        systemctl is-enabled jumpbootd.service jumpbootd.socket
        jumpbootctl ping >&2
        jumpbootd --version >&2
    """)
    assert (done.returncode, done.stdout.split()) == (0, ["active"] * 2 + ["enabled"] * 2), done


def test_the_example_works():
    calls = list(example_calls())
    assert [output for _, output in calls] == ["", "3\n", '{"jsonrpc":"2.0","id":1,"result":3}\n']
    # All but the start of the service, which the example has.
    script = ["systemd-sysusers >&2"]
    assert script[0].split()[0] in install_script()
    script += [f"printf %s {shlex.quote(text)} >{path}" for path, text in example_files().items()]
    script += [command for command, _ in calls]
    done = run_in_new_box(build_of_readme() or installable_build(), "\n".join(script))
    assert (done.returncode, done.stdout) == (0, "".join(output for _, output in calls)), done
    assert len(example_files()) == 2
