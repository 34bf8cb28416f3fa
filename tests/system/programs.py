# SPDX-License-Identifier: MIT
"""Programs that the tests call."""

ADD = """
def add(a, b):
    return a + b
"""


def install_calc(box):
    """A program "calc" with a function "add"."""
    box.programs("calc", {"programs": {"calc": {"main": "calc.py"}}}, calc=ADD)


def call_add(box, **options):
    """Calls it as a user would: jumpbootctl's exit status and output."""
    return box.run("jumpbootctl", "call", "calc.add", "a:=1", "b:=2", check=False, **options)


def assert_adds(box, **options):
    done = call_add(box, **options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")
