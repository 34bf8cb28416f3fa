# SPDX-License-Identifier: MIT
"""What counts the cost of a request: its worker, its lockstep, its table."""
import os
import sys
from pathlib import Path

import pytest

from harness import source

BENCH = Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))

from cost_table import BEGIN, END, Environment, Table  # noqa: E402
from lockstep import Lockstep  # noqa: E402

ANSWERER = Path(os.environ["JUMPBOOT_BUILD"]) / "tests/bench/answerer"


def answered(**options):
    return {"main": source("raise SystemExit('not run')"),
            "environment": {"python": str(ANSWERER)}, **options}


@pytest.mark.parametrize("connections, depth", [(1, 1), (1, 64), (8, 16), (40, 1)])
def test_batches_are_answered_whole(start_daemon, connections, depth):
    lockstep = Lockstep(start_daemon({"bench": answered()}))
    clients = lockstep.connect(connections)
    for _ in range(3):
        lockstep.batch(clients, depth, b"bench.add", b"1000")
    lockstep.mark("the-end")


def test_the_answerer_adds_and_gives_back(start_daemon):
    daemon = start_daemon({"bench": answered()})
    text = "x" * 300000
    assert daemon.call("bench.add", [17, 4]) == 21
    assert daemon.call("bench.echo", [1, text]) == text


def test_the_answerer_takes_a_step_for_each_byte(start_daemon, tmp_path):
    steps = tmp_path / "steps"
    os.mkfifo(steps)
    writer = os.open(steps, os.O_RDWR)
    client = start_daemon({"bench": answered(args=[str(steps)])}).connect()
    first, second = client.request("bench.step", []), client.request("bench.step", [])
    os.write(writer, b"x")
    assert client.receive()["id"] == first
    os.write(writer, b"x")
    assert client.receive()["id"] == second
    os.close(writer)


def test_a_batch_with_an_error_is_told(start_daemon):
    lockstep = Lockstep(start_daemon({"bench": answered()}))
    with pytest.raises(AssertionError, match="no result: .*-32601"):
        lockstep.batch(lockstep.connect(2), 4, b"nothing.add")


@pytest.fixture
def table():
    table = Table(Environment(machine="m68k", compiler="GCC: (a b) 1.2"))
    table.instructions = {"add, often": 12345.0, "echo": 2000000.0}
    table.system_calls = {"add, often": 6.25}
    table.growth = {"from 1 to 2": 1.001}
    return table


def test_the_table_is_read_as_it_was_written(table, tmp_path):
    path = tmp_path / "HACKING.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nbehind\n")
    assert Table.read(path) is None
    table.write(path)
    table.write(path)
    text = path.read_text()
    assert text.startswith(f"before\n{BEGIN}\n| ") and text.endswith(f"\n{END}\nbehind\n")
    assert text.count("| add, often | 12,345 | 6.25 |") == 1
    read = Table.read(path)
    assert read.environment == table.environment
    assert read.instructions == table.instructions
    assert read.system_calls == table.system_calls


def test_what_has_grown_is_told_with_its_name(table):
    dearer = Table(table.environment)
    dearer.instructions = {"add, often": 12345 * 1.09, "echo": 2000000 * 1.2}
    dearer.system_calls = {"add, often": 7.0}
    assert dearer.grown_since(table, 1.10) == [
        "echo: 2,400,000.00 instructions, 20% more than the 2,000,000.00 in the table",
        "add, often: 7.00 system calls, 12% more than the 6.25 in the table",
    ]
    assert dearer.grown_since(table, 1.25) == []


def test_a_case_that_the_table_has_not_is_told(table):
    new = Table(table.environment)
    new.instructions = {"burn": 1.0}
    assert new.grown_since(table, 1.10) == ["burn: there are no instructions in the table yet"]


def test_other_versions_are_told(table):
    other = Environment(machine="m68k", compiler="GCC: (a b) 1.3")
    assert table.environment.differences(other) == ["compiler GCC: (a b) 1.2, here GCC: (a b) 1.3"]
    assert table.environment.differences(table.environment) == []
