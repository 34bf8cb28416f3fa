# SPDX-License-Identifier: MIT
"""From a result to JSON: what is converted, and what is refused with its place."""
import pytest
from worker_fixtures import python, spawn, start  # noqa: F401
from worker_host import pythons

SETUP = '''
import array, base64, collections, dataclasses, datetime as dt, decimal, enum, pathlib, uuid, types
import os
Color = enum.Enum("Color", {"RED": "r", "TUPLE": (1, 2)})
Level = enum.IntEnum("Level", {"LOW": 1})
class Text(str, enum.Enum):
    A = "a"
Pair = collections.namedtuple("Pair", "a b")
@dataclasses.dataclass
class Point:
    x: int
    when: dt.date = dt.date(2024, 1, 2)
    inner: object = None
class Folder:
    def __fspath__(self): return "/srv"
class Number(int): pass
class MyMap(collections.UserDict): pass
utc = dt.timezone.utc
'''

CONVERTED = [
    ("None", None), ("True", True), ("12", 12), ("1.5", 1.5), ("1e22", 1e22), ("'ä'", "ä"),
    ("Number(3)", 3), ("(1, (2,))", [1, [2]]), ("Pair(1, 2)", [1, 2]),
    ("{1: 'a', 1.5: 'b', True: 'c', None: 'd'}", {"1": "c", "1.5": "b", "null": "d"}),
    ("{'b': 1, 'a': 2}", {"b": 1, "a": 2}),
    ("collections.OrderedDict(a=1)", {"a": 1}), ("MyMap(a=1)", {"a": 1}),
    ("types.MappingProxyType({'a': 1})", {"a": 1}), ("collections.deque([1, 2])", [1, 2]),
    ("range(3)", [0, 1, 2]), ("{'a': 1}.keys()", ["a"]), ("{'a': 1}.values()", [1]),
    ("array.array('i', [1, 2])", [1, 2]),
    ("{3, 1, 2}", [1, 2, 3]), ("frozenset('ba')", ["a", "b"]), ("set()", []),
    ("b'\\x00\\xff'", "AP8="), ("bytearray(b'ab')", "YWI="), ("memoryview(b'ab')", "YWI="),
    ("dt.datetime(2024, 1, 2, 3, 4, 5)", "2024-01-02T03:04:05"),
    ("dt.datetime(2024, 1, 2, 3, 4, 5, 6, utc)", "2024-01-02T03:04:05.000006+00:00"),
    ("dt.date(2024, 1, 2)", "2024-01-02"), ("dt.time(3, 4)", "03:04:00"),
    ("dt.timedelta(minutes=1.5)", 90.0), ("decimal.Decimal('1.10')", "1.10"),
    ("uuid.UUID(int=1)", "00000000-0000-0000-0000-000000000001"),
    ("pathlib.Path('/a/b')", "/a/b"), ("pathlib.PurePosixPath('c')", "c"), ("Folder()", "/srv"),
    ("Color.RED", "r"), ("Color.TUPLE", [1, 2]), ("Level.LOW", 1), ("Text.A", "a"),
    ("Point(1)", {"x": 1, "when": "2024-01-02", "inner": None}),
    ("[Point(1, inner={'p': Point(2)})]",
     [{"x": 1, "when": "2024-01-02",
       "inner": {"p": {"x": 2, "when": "2024-01-02", "inner": None}}}]),
]

REFUSED = [
    ("float('nan')", "ValueError", "result is nan: JSON has neither NaN nor infinity"),
    ("{'a': [1, float('-inf')]}", "ValueError", 'result["a"][1] is -inf: JSON has neither NaN'),
    ("['a', '\\ud800']", "ValueError", "result[1] contains half of a surrogate pair"),
    ("'😀\\udc00'", "ValueError", "result contains half of a surrogate pair"),
    ("'\\udfff😀'", "ValueError", "result contains half of a surrogate pair"),
    ("'\\\\\\ud83d'", "ValueError", "result contains half of a surrogate pair"),
    ("{'\\udfff': 1}", "ValueError", "result has a key that cannot be told"),
    ("pathlib.Path('/a\\udcff')", "ValueError", "result contains half of a surrogate pair"),
    ("{float('nan'): 1}", "ValueError", "result has a key that cannot be told"),
    ("{(1, 2): 3}", "TypeError", "result has a key of type tuple ((1, 2)): JSON allows keys that"),
    ("[object()]", "TypeError", "result[0] is of type builtins.object, which JSON does not know"),
    ("1j", "TypeError", "result is a complex number"),
    ("(n for n in [])", "TypeError", "result is an iterator, which JSON does not know: return a"),
    ("map(str, [1])", "TypeError", "result is an iterator"),
    ("Point", "TypeError", "result is a class"),
    ("look", "TypeError", "result is of type builtins.function"),
    ("{'x': Point(1, inner=1j)}", "TypeError", 'result["x"]["inner"] is a complex number'),
    ("10 ** 5000", "ValueError", "result is too large an integer: Exceeds the limit (4300"),
    ("{10 ** 5000: 1}", "ValueError", "result has a key that cannot be told"),
    ("cycle()", "ValueError", 'result["self"][0] contains itself'),
    ("loop()", "ValueError", "result[\"inner\"] contains itself"),
    ("deep(255)", "ValueError", "result is nested deeper than 254 levels"),
    ("deep(100000)", "ValueError", "result is nested deeper than 254 levels"),
    ("Endless()", "ValueError", "result is nested deeper than 254 levels"),
    ("{'k' * 200: 1j}", "TypeError", 'result["kkkkk'),
]

HELPERS = '''
def cycle():
    inner = {}
    inner["self"] = [inner]
    return inner
def loop():
    point = Point(1)
    point.inner = point
    return point
def deep(n):
    value = []
    for _ in range(n - 1): value = [value]
    return value
class Endless(collections.abc.Sequence):
    def __len__(self): return 1
    def __getitem__(self, at):
        if at: raise IndexError
        return Endless()
def look(expression): return eval(expression)
def limit(n):
    import sys
    sys.setrecursionlimit(n)
'''


def test_converted(start):
    worker = start(SETUP + HELPERS)
    for expression, expected in CONVERTED:
        for wrap, unwrap in (("%s", lambda x: x), ("[%s]", lambda x: x[0]),
                             ("{'k': %s}", lambda x: x["k"])):
            result = unwrap(worker.result("look", [wrap % expression]))
            assert (expression, result) == (expression, expected)
            assert type(result) is type(expected)


def test_refused(start):
    worker = start(SETUP + HELPERS)
    for expression, name, message in REFUSED:
        error = worker.error("look", [expression])
        assert (error["kind"], error["exception"]) == ("exception", name), (expression, error)
        assert error["message"].startswith(message), (expression, error["message"])
        assert len(error["message"]) < 400
        assert worker.result("look", ["1"]) == 1


def test_depth_up_to_the_limit(start):
    worker = start(SETUP + HELPERS)
    for expression in ("deep(254)", "['[' * 1000, {'{': '[{' * 500}]", "[[]] * 5000",
                       "['\\\\\"[' * 300, '\\\\']", "[{'a': [{}]}] * 2000"):
        assert worker.result("look", [expression]) == eval(expression, {"deep": deep})
    assert "nested deeper" in worker.error("look", ["[{'a]': deep(253)}]"])["message"]


def deep(count):
    value = []
    for _ in range(count - 1):
        value = [value]
    return value


def test_high_recursion_limit_does_not_break_the_stack(start):
    worker = start(SETUP + HELPERS)
    worker.result("limit", [10 ** 7])
    for expression in ("cycle()", "loop()", "Endless()"):
        assert worker.error("look", [expression])["exception"] == "ValueError"
    assert worker.result("look", ["__import__('sys').getrecursionlimit()"]) == 10 ** 7
    worker.result("limit", [60])
    answer = worker.call("look", ["deep(100)"])  # since Python 3.12 the limit is another one
    assert answer.get("result") == deep(100) or answer["kind"] == "exception"
    assert worker.result("look", ["[[1]]"]) == [[1]]


def test_error_while_converting(start):
    worker = start('''
        import collections
        class Broken(collections.UserDict):
            def __iter__(self): raise LookupError("no keys today")
        def look(): return [Broken(a=1)]
    ''')
    error = worker.error("look")
    assert (error["exception"], error["message"]) == ("LookupError", "no keys today")


def test_sets_of_mixed_types(start):
    worker = start("def look(): return {1, 'a', None}")
    assert sorted(map(str, worker.result("look"))) == ["1", "None", "a"]


def test_nobody_awaits(start):
    worker = start('''
        import asyncio
        async def _inner(): return 1
        def forgotten(): return [_inner()]
        async def stream():
            yield 1
    ''')
    assert "nobody awaited" in worker.error("forgotten")["message"]
    assert "asynchronous iterator" in worker.error("stream")["message"]


def test_too_large(start):
    worker = start('''
        def make(n): return "x" * n
        def fail(n): raise ValueError("y" * n, "z" * 100)
        def unknown(): pass
    ''', max_response_size=1000)
    envelope = len('{"request_id":"1","result":""}\n')
    assert len(worker.result("make", [1000 - envelope])) == 1000 - envelope
    error = worker.error("make", [1000 - envelope + 1])
    assert error["kind"] == "too_large"
    assert error["error"] == "the answer has 1001 bytes: max_response_size is 1000"
    assert (error["size"], error["limit"]) == (1001, 1000)
    error = worker.error("fail", [100000])
    assert (error["kind"], error["exception"], error["args"]) == ("exception", "ValueError", [])
    assert len(str(error)) < 1000
    assert worker.error("u" * 5000)["kind"] == "method_not_found"
    assert len(worker.result("make", [3])) == 3


def test_no_memory(start):
    worker = start('''
        import resource
        def limit(size): resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
        def make(n): return len(bytearray(n))
        def big(n): return "x" * n
    ''')
    worker.result("limit", [300000000])
    assert worker.error("make", [10 ** 10])["exception"] == "MemoryError"
    assert worker.error("big", [200000000])["exception"] == "MemoryError"
    assert worker.result("make", [1]) == 1


NUMPY = [
    ("np.int64(5)", 5), ("np.uint8(255)", 255), ("np.float32(0.5)", 0.5),
    ("np.float64(1.5)", 1.5), ("np.bool_(True)", True), ("np.str_('a')", "a"),
    ("np.bytes_(b'ab')", "YWI="), ("np.longdouble(1.5)", 1.5),
    ("np.arange(4).reshape(2, 2)", [[0, 1], [2, 3]]), ("np.array(7)", 7),
    ("np.array(['a', None], dtype=object)", ["a", None]), ("np.array([])", []),
    ("np.array([1.5], dtype=np.longdouble)", [1.5]),
    ("np.datetime64('2024-01-02T03:04:05')", "2024-01-02T03:04:05"),
    ("np.datetime64('2024-01-02', 'ns')", "2024-01-02T00:00:00.000000000"),
    ("np.array(['2024-01-02'], dtype='M8[D]')", ["2024-01-02"]),
    ("np.timedelta64(1500, 'ms')", 1.5), ("np.array([1, 2], dtype='m8[m]')", [60.0, 120.0]),
    ("np.ma.array([1, 2], mask=[0, 1])", [1, None]),
    ("{'a': [np.int32(1), {2: np.float32(2)}]}", {"a": [1, {"2": 2.0}]}),
    ("np.zeros(2, dtype=[('x', 'i4'), ('y', 'f8')])", [[0, 0.0], [0, 0.0]]),
]

NUMPY_REFUSED = [
    ("np.float32('nan')", "result is nan"), ("np.float64('inf')", "result is inf"),
    ("{'a': np.array([[1, np.nan]])}", 'result["a"][0][1] is nan'),
    ("np.complex64(1j)", "result is a complex number"),
    ("np.datetime64('NaT')", "result is NaT"), ("np.array(['NaT'], dtype='M8[s]')", "result is Na"),
    ("np.timedelta64('NaT')", "result is nan"),
    ("{np.int64(1): 2}", "result has a key of type int64"),
]


def test_numpy():
    """With the system's Python, which is the one that has numpy if any has."""
    from worker_host import WorkerHost
    with WorkerHost("try:\n    import numpy as np\nexcept ImportError:\n    np = None\n"
                    "def there(): return np is not None\n"
                    "def look(expression): return eval(expression)\n",
                    python=pythons()[0]) as worker:
        worker.ready()
        if not worker.result("there"):
            pytest.skip("numpy is not installed")
        for expression, expected in NUMPY:
            result = worker.result("look", [expression])
            assert (expression, result) == (expression, expected)
            assert type(result) is type(expected)
        for expression, message in NUMPY_REFUSED:
            error = worker.error("look", [expression])
            assert error["message"].startswith(message), (expression, error["message"])


def test_halves_of_a_surrogate_pair_on_both_sides_of_a_backslash(start):
    worker = start(r'''
        def halves(): return "\ud83d\\\ude00"
        def backslash(): return "\U0001f600\\\U0001f600\\ud83d"
    ''')
    assert "half of a surrogate pair" in worker.error("halves")["message"]
    assert worker.result("backslash") == "\U0001f600\\\U0001f600\\ud83d"
