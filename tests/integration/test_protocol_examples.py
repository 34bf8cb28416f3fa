# SPDX-License-Identifier: MIT
"""The examples of jumpbootd-protocol(7), as they stand there, give what the page says they give."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import DEADLINE

TOP = Path(__file__).resolve().parents[2]
PAGE = TOP / "doc" / "jumpbootd-protocol.7"
PAGE_SOCKET = "/run/jumpbootd/jumpbootd.sock"
ESCAPES = {r"\e": "\\", r"\-": "-", r"\(aq": "'", r"\(ga": "`", r"\(ha": "^", r"\(ti": "~", r"\&": ""}

# A block that is marked to be run, and the one that shows what it gives.
EXAMPLE = re.compile(
    r'^\.\\" run: (?P<language>\w+)\n\.Bd -literal.*\n(?P<text>(?:.*\n)*?)\.Ed\n'
    r'\.\\" gives:\n\.Bd -literal.*\n(?P<gives>(?:.*\n)*?)\.Ed\n',
    re.MULTILINE,
)


def plain(roff):
    """The text of a literal block as a reader sees it."""
    text = re.sub(r"\\(?:\(..|.)", lambda match: ESCAPES[match[0]], roff)
    assert not re.search(r"^[.']", text, re.MULTILINE), f"a macro inside a literal block:\n{text}"
    return text


def examples():
    page = PAGE.read_text()
    found = list(EXAMPLE.finditer(page))
    assert len(found) == page.count('.\\" run: ') == page.count('.\\" gives:')
    return [(each["language"], plain(each["text"]), plain(each["gives"])) for each in found]


@pytest.fixture(scope="module")
def socket_path(start_module_daemon):
    """The socket of a daemon with the program set that the page speaks of."""
    sets = [str(TOP / "conf" / "examples" / "calc.conf")]
    daemon = start_module_daemon(server={"program_sets": sets}, ready=False)
    daemon.wait_ready("calc", "echo")
    return str(daemon.socket_path)


def test_the_page_has_examples_for_each_tool():
    texts = [text for _, text, _ in examples()]
    for tool in "nc -N -U", "socat", "import socket":
        assert any(tool in text for text in texts), tool


@pytest.mark.parametrize(
    "language, text, gives", examples(), ids=lambda value: value.split("\n")[0][:30]
)
def test_example(socket_path, language, text, gives):
    for tool in "nc", "socat":
        if re.search(rf"\b{tool} -", text) and not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    assert PAGE_SOCKET in text
    command = {"sh": ["sh", "-eu", "-c"], "python": [sys.executable, "-c"]}[language]
    run = subprocess.run(
        [*command, text.replace(PAGE_SOCKET, socket_path)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == gives
