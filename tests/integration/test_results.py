# SPDX-License-Identifier: MIT
"""What functions may give back besides plain JSON, over the whole path."""
import subprocess

import pytest
from harness import PYTHON

PROGRAM = """
import dataclasses, datetime, decimal, enum, pathlib, uuid

@dataclasses.dataclass
class Point:
    x: int
    y: int

class Colour(enum.Enum):
    RED = "red"

def point(): return Point(1, 2)
def when(): return datetime.datetime(2024, 2, 29, 12, 30)
def day(): return datetime.date(2024, 2, 29)
def names(): return {"only"}
def path(): return pathlib.Path("/a/b")
def data(): return b"\\x00\\xff"
def decimal_number(): return decimal.Decimal("1.10")
def identity(): return uuid.UUID(int=5)
def colour(): return Colour.RED
def pair(): return (1, 2)
def unicode(): return "ünïcode \\U0001f600 \\u2028"
def keys(): return {1: "one", "two": 2}
def nothing(): return None
def numbers(): return [0, -1, 1.5, 1e300, 2 ** 70, True]
"""


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon({"app": PROGRAM})


@pytest.mark.parametrize(
    "function, expected",
    [
        ("point", {"x": 1, "y": 2}),
        ("when", "2024-02-29T12:30:00"),
        ("day", "2024-02-29"),
        ("names", ["only"]),
        ("path", "/a/b"),
        ("data", "AP8="),
        ("decimal_number", "1.10"),
        ("identity", "00000000-0000-0000-0000-000000000005"),
        ("colour", "red"),
        ("pair", [1, 2]),
        ("unicode", "ünïcode \U0001f600 \u2028"),
        ("keys", {"1": "one", "two": 2}),
        ("nothing", None),
        ("numbers", [0, -1, 1.5, 1e300, 2**70, True]),
    ],
)
def test_result(daemon, function, expected):
    assert daemon.call(f"app.{function}") == expected


def test_numpy_results(start_daemon):
    if subprocess.run([PYTHON, "-c", "import numpy"], capture_output=True).returncode:
        pytest.skip(f"{PYTHON} has no numpy")
    daemon = start_daemon({
        "np": """
            import numpy

            def scalar(): return numpy.float64(1.5)
            def integer(): return numpy.int32(7)
            def truth(): return numpy.bool_(True)
            def array(): return numpy.arange(6).reshape(2, 3)
            def inside(): return {"values": [numpy.int64(1), numpy.zeros(2)]}
            def bad(): return numpy.array([1.0, numpy.nan])
        """,
    })
    client = daemon.connect()
    assert client.call("np.scalar") == 1.5
    assert client.call("np.integer") == 7
    assert client.call("np.truth") is True
    assert client.call("np.array") == [[0, 1, 2], [3, 4, 5]]
    assert client.call("np.inside") == {"values": [1, [0.0, 0.0]]}
    assert client.error("np.bad")["code"] == -32000
