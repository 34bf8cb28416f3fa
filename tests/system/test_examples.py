# SPDX-License-Identifier: MIT
"""The examples as they are installed, taken over by an administrator as their READMEs say."""
import json

import pytest

EXAMPLES = "/usr/share/doc/jumpbootd/examples"
PROGRAMS = "/etc/jumpbootd/programs.d"

# What their READMEs show, and what comes of it.
CALLS = {
    "calculator": [(["calculator.add", "x:=1", "y:=2"], 3),
                   (["calculator.mean", "[1, 2, 6]"], 3)],
    "wordcount": [(["wordcount.count", "text=to be or not to be"],
                   {"to": 2, "be": 2, "or": 1, "not": 1}),
                  (["wordcount.most_common", "count:=1"], [["to", 2]])],
    "arrays": [(["arrays.multiply", "[[[1, 2], [3, 4]], [[0, 1], [1, 0]]]"], [[2, 1], [4, 3]])],
    "inventory": [(["inventory.version", "name=swallow"], "1.2.3")],
}


def install(box, name):
    """cp NAME.* /etc/jumpbootd/programs.d/"""
    box.run("sh", "-c", f"cp {EXAMPLES}/{name}/{name}.* {PROGRAMS}/")


@pytest.fixture
def venv(box):
    """That of the program inventory, with a package in it."""
    box.run("/usr/bin/python3", "-m", "venv", "--without-pip", f"{PROGRAMS}/venv")
    box.run("sh", "-c", f"""
        cd {PROGRAMS}/venv/lib/python3*/site-packages
        mkdir swallow-1.2.3.dist-info
        printf 'Metadata-Version: 2.1\\nName: swallow\\nVersion: 1.2.3\\n' \\
                >swallow-1.2.3.dist-info/METADATA""")


def called(box, *words):
    return json.loads(box.run("jumpbootctl", "--json", "call", *words).stdout)


def test_all_of_them(box, venv):
    for name in (*CALLS, "thumbnail"):
        install(box, name)
    box.systemctl("start", "jumpbootd")
    assert f"{len(CALLS) + 1} programs" in box.show("StatusText")
    for calls in CALLS.values():
        for words, result in calls:
            assert called(box, *words) == result
    picture = box.run("/usr/bin/python3", "-c", (
        "import base64, io; from PIL import Image; made = io.BytesIO(); "
        "Image.new('L', (80, 40)).save(made, 'PNG'); "
        "print(base64.b64encode(made.getvalue()).decode())")).stdout.strip()
    small = called(box, "thumbnail.thumbnail", f"image={picture}", "width:=20")
    assert called(box, "thumbnail.size", f"image={small}") == [20, 10]


def test_one_is_added_by_a_reload(box):
    box.systemctl("start", "jumpbootd")
    install(box, "calculator")
    box.run("jumpbootctl", "reload")
    assert called(box, "calculator.divide", "x:=1", "y:=4") == 0.25
    shown = box.run("jumpbootctl", "methods", "calculator").stdout
    assert "calculator.divide(x: float, y: float) -> float" in shown
