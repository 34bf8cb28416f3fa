# SPDX-License-Identifier: MIT
"""The program that libjumpboot(3) shows: it is the one in client/, it compiles, it works."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fake_server import FakeServer, line
from harness import DEADLINE

TOP = Path(__file__).resolve().parents[2]
EXAMPLE = TOP / "client" / "example.c"


def shown_in_manual():
    page = (TOP / "doc" / "libjumpboot.3").read_text()
    block = re.search(r"^\.Bd -literal\n(.*?)^\.Ed$", page, re.MULTILINE | re.DOTALL).group(1)
    return block.replace("\\&", "").replace("\\e", "\\")


def test_every_function_is_in_the_manual():
    exported = re.findall(r"^ +(jumpboot_\w+);$", (TOP / "client" / "libjumpboot.map").read_text(),
                          re.MULTILINE)
    page = (TOP / "doc" / "libjumpboot.3").read_text()
    named = re.findall(r"^\.Nm (jumpboot_\w+)", page, re.MULTILINE)
    declared = re.findall(r"^\.F[no] (jumpboot_\w+)", page.partition(".Sh DESCRIPTION")[0],
                          re.MULTILINE)
    assert len(exported) > 20
    assert sorted(named) == sorted(declared) == sorted(exported)


@pytest.mark.parametrize("standard", ["c90", "c99", "c17", "c++98", "c++11", "c++17"])
def test_the_header_suits_every_compiler(standard):
    """Programs that are built with -pedantic-errors include it as well."""
    compiler = [*(os.environ.get("CC") or shutil.which("cc") or "gcc").split(),
                "-x", standard.rstrip("0123456789"), "-fsyntax-only"]
    if subprocess.run([*compiler, "-"], input="", text=True, capture_output=True).returncode:
        pytest.skip(f"{compiler[0]} does not know {standard}")
    subprocess.run([*compiler, f"-std={standard}", "-pedantic-errors", "-Wall", "-Wextra",
                    "-Werror", "-I", TOP / "client", "-"],
                   input="#include <jumpboot.h>\n", text=True, check=True)


def test_manual_shows_the_example():
    license_line, _, program = EXAMPLE.read_text().partition("\n")
    assert license_line == "/* SPDX-License-Identifier: MIT */"
    assert shown_in_manual() == program


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The program, built with the library's sources as somebody's own would be with the library."""
    command = tmp_path_factory.mktemp("example") / "example"
    compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
    sources = [EXAMPLE, *sorted((TOP / "client").glob("libjumpboot*.c")),
               *sorted((TOP / "common").glob("envelope*.c")),
               TOP / "common" / "text.c", TOP / "common" / "units.c"]
    subprocess.run([*compiler.split(), "-std=gnu17", "-D_GNU_SOURCE", "-I", TOP,
                    "-I", TOP / "client", "-o", command, *sources], check=True)
    return command


def add(request):
    """calc.add as jumpbootd would answer it."""
    message = {"jsonrpc": "2.0", "id": request["id"]}
    params = request["params"]
    try:
        message["result"] = sum(params if isinstance(params, list) else params.values())
    except TypeError as failure:
        message["error"] = {"code": -32000, "message": f"TypeError: {failure}",
                            "data": {"kind": "exception"}}
    return line(message)


def run_example(example, path):
    return subprocess.run([example], env={**os.environ, "JUMPBOOT_SOCKET": str(path)},
                          capture_output=True, text=True, timeout=DEADLINE)


def test_example_works(example, tmp_path):
    with FakeServer(tmp_path / "socket", add) as server:
        run = run_example(example, server.path)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == ("1: 3\n2: 11\n3: 22\n4: failed: TypeError: unsupported operand type(s) "
                          "for +: 'int' and 'str'\n")
    assert server.requests[0]["method"] == "calc.add"
    assert 0 < server.requests[0]["timeout"] <= 5


def test_example_without_a_daemon(example, tmp_path):
    run = run_example(example, tmp_path / "socket")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "No such file or directory\n"
