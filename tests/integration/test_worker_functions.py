# SPDX-License-Identifier: MIT
"""Which functions a program offers, and what the ready message tells of them."""
import json

import pytest
from worker_fixtures import python, spawn, start  # noqa: F401
from worker_host import StartFailed


def names(start, main, **options):
    return list(start(main, **options).methods)


def test_public_functions_of_main(start):
    assert names(start, '''
        import functools, os
        from math import sqrt
        from colors import mix
        from os.path import join as path_join

        class Shape:
            def area(self): return 0
        def add(): pass
        async def wait(): pass
        def _hidden(): pass
        @functools.lru_cache(maxsize=None)
        def cached(): pass
        def decorated(function):
            @functools.wraps(function)
            def run(*args): return function(*args)
            return run
        @decorated
        def wrapped(): pass
        double = lambda x: 2 * x
        half = functools.partial(add)
        also_add = add
        area = Shape().area
        class Strange:
            def __getattr__(self, name): raise RuntimeError(name)
            def __call__(self): pass
            def __eq__(self, other): raise RuntimeError("compared")
        strange = Strange()
    ''', modules={"colors": "def mix(): pass"}) == [
        "add", "wait", "cached", "decorated", "wrapped", "double", "also_add"]


def test_all_narrows(start):
    assert names(start, '''
        import functools
        from colors import mix
        __all__ = ["add", "mix", "_low", "third", "LIMIT", "Shape"]
        LIMIT = 3
        class Shape: pass
        def add(a, b): return a + b
        def other(): pass
        def _low(): pass
        third = functools.partial(add, 3)
    ''', modules={"colors": "def mix(): pass"}) == ["add", "mix", "_low", "third"]


def test_all_names_what_is_not_there(spawn):
    with pytest.raises(StartFailed) as caught:
        spawn('__all__ = ["gone"]').ready()
    assert caught.value.status["stage"] == "main"
    assert caught.value.status["message"] == (
        "__all__ of the main module names 'gone', which it does not define")


def test_expose_narrows(start):
    worker = start('''
        import colors, jumpboot, math
        __all__ = ["other"]
        @jumpboot.expose
        def add(a, b): return a + b
        def other(): pass
        @jumpboot.expose("math.sum.all")
        def _sum(*values): return sum(values)
        jumpboot.expose("root")(math.sqrt)
    ''', modules={"colors": "import jumpboot\n@jumpboot.expose\ndef mix(): return 'brown'"})
    assert sorted(worker.methods) == ["add", "math.sum.all", "mix", "root"]
    assert worker.result("math.sum.all", [1, 2, 3]) == 6
    assert worker.result("root", [9]) == 3.0
    assert worker.result("mix") == "brown"


def test_hooks_are_not_offered_unless_exposed(start):
    assert names(start, '''
        import jumpboot
        @jumpboot.on_start
        def connect(): pass
        @jumpboot.on_exit
        def leave(): pass
        def add(): pass
    ''') == ["add"]
    assert names(start, '''
        import jumpboot
        @jumpboot.expose
        @jumpboot.on_start
        def connect(): pass
    ''') == ["connect"]


@pytest.mark.parametrize("code,message", [
    ("@jumpboot.expose\nclass A: pass", "is not a function"),
    ("jumpboot.expose(3)", "has no name"),
    ("import functools\njumpboot.expose(functools.partial(print))", "has no name; give one"),
    ("jumpboot.expose('a b')(print)", "must be Python identifiers"),
    ("jumpboot.expose('')(print)", "must be Python identifiers"),
    ("jumpboot.expose('a..b')(print)", "must be Python identifiers"),
    ("jumpboot.expose('class')(print)", "must be Python identifiers"),
    ("jumpboot.expose('x')(print)\njumpboot.expose('x')(len)", 'there is a function "x" already'),
    ("@jumpboot.on_start()\ndef f(): pass", "on_start"),
    ("jumpboot.on_exit(3)", "3 is not a function"),
])
def test_wrong_use_of_decorators(spawn, code, message):
    with pytest.raises(StartFailed) as caught:
        spawn("import jumpboot\n" + code).ready()
    assert caught.value.status["stage"] == "main"
    assert message in caught.value.status["message"]


def test_exposed_too_late(start):
    worker = start('''
        import jumpboot
        def late():
            @jumpboot.expose
            def inner(): pass
            jumpboot.on_start(inner)
            return inner()
    ''')
    assert worker.result("late") is None
    for decorator in ("expose", "on_start"):
        message = worker.status()
        assert (message["type"], message["level"]) == ("log", "warning")
        assert message["message"].startswith("jumpboot.%s: " % decorator)
        assert "too late" in message["message"]
    assert worker.error("inner")["kind"] == "method_not_found"


def test_on_start_runs_before_the_table_is_made(start):
    worker = start('''
        import jumpboot
        order = []
        @jumpboot.on_start
        def first(): order.append("first")
        @jumpboot.on_start
        async def second():
            order.append("second")
            jumpboot.expose("order")(lambda: order)
    ''')
    assert worker.result("order") == ["first", "second"]


def test_names_are_not_resolved(start):
    worker = start("import os\ndef add(a, b): return a + b")
    for name in ("os.getpid", "add.__call__", "__main__.add", "os", "__builtins__", ""):
        assert worker.error(name)["kind"] == "method_not_found"


def test_unknown_function_names_near_ones(start):
    error = start("def resize(): pass\ndef rotate(): pass").error("resise")
    assert error["error"] == 'there is no function "resise": did you mean "resize"?'
    assert error["near"] == ["resize"]


def test_names_in_other_scripts_and_escapes(start):
    worker = start("def größe(): return 1\ndef add(): return 2")
    assert worker.result("größe") == 1
    worker.send('{"request_id":"9","command":"größe","data":{}}\n'.encode())
    assert worker.answer() == {"request_id": "9", "result": 1}
    worker.send(b'{"request_id":"10","command":"\\u0061dd","data":{}}\n')
    assert worker.answer() == {"request_id": "10", "result": 2}
    error = worker.error('a","data":[1],"x":"\\')
    assert error["error"] == 'there is no function "a","data":[1],"x":"\\"'


def test_description(start):
    methods = start('''
        import inspect
        from typing import Optional
        def f(a: int, /, b: "str" = "x", *rest: float, c: Optional[int] = None, d=object, **more):
            """Does it.

            And how.
            """
        async def g() -> None: pass
        def bare(a, b=1): pass
    ''').methods
    f = methods["f"]
    assert (f["doc"], f["async"]) == ("Does it.\n\nAnd how.", False)
    integer = {"type": "integer"}
    assert f["parameters"] == [
        {"name": "a", "kind": "positional_only", "required": True, "type": "int",
         "schema": integer},
        {"name": "b", "kind": "positional_or_keyword", "required": False, "type": "str",
         "schema": {"type": "string"}, "default": "x", "default_repr": "'x'"},
        {"name": "rest", "kind": "var_positional", "required": False, "type": "float",
         "schema": {"type": "number"}},
        {"name": "c", "kind": "keyword_only", "required": False, "type": "Optional[int]",
         "schema": {"anyOf": [integer, {"type": "null"}]}, "default": None,
         "default_repr": "None"},
        {"name": "d", "kind": "keyword_only", "required": False, "type": None, "schema": {},
         "default_repr": "<class 'object'>"},
        {"name": "more", "kind": "var_keyword", "required": False, "type": None, "schema": {}},
    ]
    assert f["returns"] == {"type": None, "schema": {}}
    assert methods["g"] == {"doc": None, "async": True, "parameters": [],
                            "returns": {"type": "None", "schema": {"type": "null"}}}
    assert [p["type"] for p in methods["bare"]["parameters"]] == [None, None]


SCHEMAS = [
    ("list", {"type": "array"}),
    ("list[int]", {"type": "array", "items": {"type": "integer"}}),
    ("List[List[str]]", {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}),
    ("Sequence[float]", {"type": "array", "items": {"type": "number"}}),
    ("set[str]", {"type": "array", "uniqueItems": True, "items": {"type": "string"}}),
    ("tuple[int, str]", {"type": "array", "items": [{"type": "integer"}, {"type": "string"}],
                         "minItems": 2, "maxItems": 2}),
    ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
    ("tuple", {"type": "array"}),
    ("dict", {"type": "object"}),
    ("dict[str, bool]", {"type": "object", "additionalProperties": {"type": "boolean"}}),
    ("Mapping[str, Any]", {"type": "object"}),
    ("Union[int, str]", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
    ("Literal['a', 1, None]", {"enum": ["a", 1, None]}),
    ("Literal[b'x']", {}),
    ("Color", {"enum": ["red", "green"]}),
    ("Point", {"type": "object", "properties": {"x": {"type": "integer"},
                                                "tags": {"type": "array"}}, "required": ["x"]}),
    ("Movie", {"type": "object", "properties": {"name": {"type": "string"}},
               "required": ["name"]}),
    ("Pair", {"type": "array"}),
    ("UserId", {"type": "integer"}),
    ("Annotated[int, 'metres']", {"type": "integer"}),
    ("datetime.datetime", {"type": "string", "format": "date-time"}),
    ("datetime.date", {"type": "string", "format": "date"}),
    ("bytes", {"type": "string", "contentEncoding": "base64"}),
    ("pathlib.Path", {"type": "string"}),
    ("Decimal", {"type": "string"}),
    ("uuid.UUID", {"type": "string", "format": "uuid"}),
    ("Any", {}), ("object", {}), ("T", {}), ("Callable[[int], str]", {}), ("complex", {}),
    ("'nothing of that name'", {}), ("'Gone'", {}), ("3", {}), ("Nasty()", {}), ("Strings", {
        "enum": ["a"]}),
]


def test_schemas(start):
    hints = ", ".join("p%d: %s" % (number, hint) for number, (hint, _) in enumerate(SCHEMAS))
    one_each = "".join("def f%d(p: %s): pass\n" % (number, hint)
                       for number, (hint, _) in enumerate(SCHEMAS))
    methods = start('''
import collections, dataclasses, datetime, enum, pathlib, uuid
from decimal import Decimal
from typing import *
class Color(enum.Enum):
    RED = "red"
    GREEN = "green"
class Strings(str, enum.Enum):
    A = "a"
@dataclasses.dataclass
class Point:
    x: int
    tags: list = dataclasses.field(default_factory=list)
class Movie(TypedDict):
    name: str
class Pair(NamedTuple):
    a: int
class Nasty:
    def __repr__(self): raise RuntimeError
    def __getattr__(self, name): raise RuntimeError(name)
    def __call__(self): pass
UserId = NewType("UserId", int)
T = TypeVar("T")
def everything(%s): pass
%s''' % (hints, one_each)).methods
    assert len(methods["everything"]["parameters"]) == len(SCHEMAS)
    for number, (hint, schema) in enumerate(SCHEMAS):
        assert (hint, methods["f%d" % number]["parameters"][0]["schema"]) == (hint, schema)


def test_new_unions(start):
    worker = start('''
        import sys
        if sys.version_info >= (3, 10):
            def f(a: "int | None" = 1): pass
        else:
            from typing import Optional
            def f(a: Optional[int] = 1): pass
    ''')
    assert worker.methods["f"]["parameters"][0]["schema"] == {
        "anyOf": [{"type": "integer"}, {"type": "null"}]}


def test_class_that_contains_itself(start):
    schema = start('''
        import dataclasses
        from typing import Optional
        @dataclasses.dataclass
        class Node:
            next: "Optional[Node]"
        def f(node: Node): pass
    ''').methods["f"]["parameters"][0]["schema"]
    assert schema["required"] == ["next"]
    assert schema["properties"]["next"]["anyOf"][0]["required"] == ["next"]


def test_odd_defaults_and_docs(start):
    methods = start('''
        class Nasty:
            def __repr__(self): raise RuntimeError
        def f(a=Nasty(), b=float("nan"), c="x" * 100000, d=[1, {"k": None}], e=10 ** 6000): pass
        f.__doc__ = "y" * 100000
        def g(): pass
        g.__doc__ = 5
    ''').methods
    a, b, c, d, e = methods["f"]["parameters"]
    assert a["default_repr"] == "<Nasty whose repr() failed>" and "default" not in a
    assert b["default_repr"] == "nan" and "default" not in b
    assert len(c["default_repr"]) <= 256 and "default" not in c
    assert d["default"] == [1, {"k": None}]
    assert "default" not in e and e["default_repr"]
    assert len(methods["f"]["doc"]) <= 16384 and methods["g"]["doc"] is None


def test_functions_without_signature(start):
    methods = start('''
        import jumpboot
        jumpboot.expose("biggest")(max)
    ''').methods
    assert [(p["name"], p["kind"]) for p in methods["biggest"]["parameters"]] == [
        ("args", "var_positional"), ("kwargs", "var_keyword")]


def test_descriptions_that_are_too_long_together_are_reduced(start):
    """The daemon reads a ready message of at most 4 MB."""
    worker = start('''
        from typing import Literal
        Choice = Literal[tuple("choice %d" % n for n in range(200))]
        for number in range(300):
            exec("def f%d(a: int = 5, b: Choice = 'x' * 200):\\n    return a" % number)
            globals()["f%d" % number].__doc__ = "First.\\n\\n" + "d" * 15000
    ''')
    assert len(json.dumps(worker.methods)) < 2 << 20
    assert worker.log == [{"type": "log", "level": "warning", "message":
                           "the descriptions of the 300 functions are too long: docstrings are "
                           "shortened"}]
    assert worker.methods["f7"]["doc"] == "First."
    assert worker.methods["f7"]["parameters"][0] == {
        "name": "a", "kind": "positional_or_keyword", "required": False, "type": "int",
        "schema": {"type": "integer"}, "default": 5, "default_repr": "5"}
    assert worker.result("f299", [7]) == 7


def test_descriptions_are_reduced_as_far_as_needed(start):
    worker = start('''
        from typing import Literal
        Choice = Literal[tuple("choice %d" % n for n in range(200))]
        for number in range(1300):
            exec("def f%d(a: Choice = 'x' * 3000): 'Says.'" % number)
    ''')
    assert len(json.dumps(worker.methods)) < 2 << 20
    assert worker.log[0]["message"].endswith(
        "docstrings are shortened, schemas are left out, defaults are left out")
    described = worker.methods["f1299"]
    assert described["doc"] == "Says." and "choice 0" in described["parameters"][0]["type"]
    assert described["parameters"][0]["schema"] == {}
    assert "default" not in described["parameters"][0]


def test_more_functions_than_can_be_told(spawn):
    with pytest.raises(StartFailed) as caught:
        spawn('''
            for number in range(30000):
                exec("def f%d(a, b, c): pass" % number)
        ''').ready()
    assert caught.value.status["stage"] == "main"
    assert "has 30000 functions, more than can be described" in caught.value.status["message"]


def test_what_the_daemon_would_alter_is_told_as_repr(start):
    """It keeps integers of 64 bits, and no NUL in keys."""
    worker = start(r'''
        from typing import Literal, TypedDict
        def f(a=2**64 - 1, b=2**64, c=-2**63, d=-2**63 - 1, e={"x\0y": 1}, f=["\0"],
              g=[{"a": 10**30}]): pass
        def g(a: Literal["\0", "b"], b: TypedDict("T", {"k\0": int}), c: Literal[1, 2**70]): pass
    ''')
    parameters = {p["name"]: p for p in worker.methods["f"]["parameters"]}
    assert {name for name, p in parameters.items() if "default" in p} == {"a", "c"}
    assert parameters["b"]["default_repr"] == "18446744073709551616"
    assert parameters["e"]["default_repr"] == r"{'x\x00y': 1}"
    assert [p["schema"] for p in worker.methods["g"]["parameters"]] == [{}, {"type": "object"}, {}]


def test_hints_and_defaults_that_raise_anything(start):
    worker = start('''
        class Exits:
            def __repr__(self): raise SystemExit(3)
        def f(a: Exits() = Exits()): return 1
    ''')
    assert worker.methods["f"]["parameters"][0]["default_repr"] == "<Exits whose repr() failed>"
    assert worker.result("f", []) == 1
