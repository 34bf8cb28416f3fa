# SPDX-License-Identifier: MIT
"""The programs of the manual page jumpboot-python(7) work as they stand there."""
import pathlib
import re

from worker_fixtures import python, spawn, start  # noqa: F401

PAGE = pathlib.Path(__file__).resolve().parents[2] / "doc" / "jumpboot-python.7"


def programs(text="def "):
    """The literal blocks of the page that define functions, in their order."""
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", PAGE.read_text(), re.S | re.M)
    return [block for block in blocks if text in block]


def test_programs_of_the_manual(start, tmp_path):
    synopsis, exposing, service, converting, calling, sharing, database = programs()
    assert start(synopsis).result("add", {"a": 1, "b": 2}) == 3
    worker = start(exposing)
    assert sorted(worker.methods) == ["add", "math.mean"]
    assert worker.result("math.mean", [1, 2, 3]) == 2.0
    worker = start(service)
    assert worker.result("add", {"x": 1, "z": 5}) == 1
    assert worker.close() == 0
    worker = start(programs("queue.get()")[0])
    assert worker.result("any", {"values": [1, 2]}) == 3
    assert worker.close() == 0
    worker = start(converting.replace('"convert"', '"sleep"'))
    worker.send(worker.request("convert", ["600"])[0])
    while "in convert" not in worker.show():
        pass
    assert worker.interrupted(1)["data"]["exception"] == "jumpboot.RequestTimeout"
    worker = start(calling)
    assert set(worker.methods) == {"price", "prices"}
    worker.send(worker.request("price", ["x"])[0])
    for value in (b"2", b"3"):
        call = worker.answer()["request_id"].encode()
        worker.send(b'{"request_id":"%s","result":%s}\n' % (call, value))
    assert worker.answer()["result"] == 6
    assert "SharedArray(\"scores\", (1000, 3)" in sharing  # test_shared_memory.py runs it
    worker = start(database, key_values={"database": str(tmp_path / "people.db")})
    assert worker.methods["find"]["returns"]["schema"] == {"type": "array"}
    assert "no such table: people" in worker.error("find", {"name": "Ada"})["message"]
    assert worker.close() == 0
