# SPDX-License-Identifier: MIT
"""What an exception becomes: its text, arguments, traceback and causes."""
import json
import textwrap

import pytest
from worker_fixtures import python, spawn, start  # noqa: F401
from worker_host import StartFailed


def plain(traceback):
    """The lines of a traceback without the marks that newer versions put under them."""
    return [line for line in traceback.splitlines() if line.strip("~^ ")]


def test_exception(start):
    worker = start('''
        import colors
        def divide(a, b):
            return colors.ratio(a, b)
    ''', path="/srv/calc.py", modules={"colors": "def ratio(a, b):\n    return a / b  # ä\n"})
    error = worker.error("divide", [1, 0])
    assert error.pop("error") == "ZeroDivisionError: division by zero"
    assert plain(error.pop("traceback")) == [
        "Traceback (most recent call last):",
        '  File "/srv/calc.py", line 4, in divide',
        "    return colors.ratio(a, b)",
        '  File "<colors>", line 2, in ratio',
        "    return a / b  # ä",
        "ZeroDivisionError: division by zero",
    ]
    assert error == {"kind": "exception", "exception": "ZeroDivisionError", "cause": None,
                     "message": "division by zero", "args": ["division by zero"]}


def test_async_traceback_begins_with_the_program(start):
    worker = start('''
        import asyncio
        async def fail():
            await asyncio.sleep(0)
            raise ValueError("x")
    ''')
    assert plain(worker.error("fail")["traceback"])[1] == '  File "<calc>", line 5, in fail'


def test_lazy_import_in_a_function(start):
    worker = start('''
        def look():
            import tools.late
    ''', packages={"tools": {"__init__.py": "", "late.py": "1 / 0"}})
    lines = plain(worker.error("look")["traceback"])
    assert [line.strip() for line in lines if "File" in line] == [
        'File "<calc>", line 3, in look', 'File "/virtual/tools/late.py", line 1, in <module>']


def test_own_traceback_has_no_bootstrap_in_it(start):
    """A traceback that the program prints itself shows an import as plain Python does."""
    worker = start('''
        import traceback
        def look():
            try:
                import tools.late
            except ZeroDivisionError:
                return traceback.format_exc()
    ''', packages={"tools": {"__init__.py": "", "late.py": "1 / 0"}})
    text = worker.result("look")
    assert "importlib" not in text and "jumpboot" not in text and "tools/late.py" in text


def test_misuse_of_the_package_shows_its_lines(start):
    worker = start('''
        import jumpboot
        def look(): jumpboot.expose(3)
    ''')
    lines = plain(worker.error("look")["traceback"])
    assert lines[1] == '  File "<calc>", line 3, in look'
    assert lines[3].startswith('  File "<jumpboot>/hooks.py", line ')
    assert lines[4].strip().startswith("raise TypeError(")


def test_names_of_exceptions(start):
    worker = start('''
        import json, colors
        class Own(Exception):
            class Inner(Exception): pass
        def fail(which): raise eval(which)
    ''', modules={"colors": "class Faded(Exception): pass"})
    for expression, name in [("Own()", "Own"), ("Own.Inner()", "Own.Inner"),
                             ("colors.Faded()", "colors.Faded"),
                             ("json.JSONDecodeError('m', 'd', 0)", "json.decoder.JSONDecodeError")]:
        error = worker.error("fail", [expression])
        assert error["exception"] == name
        assert error["traceback"].splitlines()[-1].startswith(name)
    assert worker.error("fail", ["Own()"])["error"] == "Own"


def test_arguments_as_far_as_json_goes(start):
    worker = start('''
        import datetime
        class Nasty:
            def __repr__(self): raise RuntimeError
        cycle = []
        cycle.append(cycle)
        def deep():
            value = []
            for _ in range(200): value = [value]
            return value
        def fail():
            raise ValueError(1, "ä", None, {"a": [1]}, object, Nasty(), float("nan"), cycle,
                             datetime.date(2024, 1, 2), b"x", "y" * 100000, deep(), 10 ** 5000)
        def many(): raise ValueError(*range(100000))
    ''')
    args = worker.error("fail")["args"]
    assert args[:4] == [1, "ä", None, {"a": [1]}]
    assert args[4:8] == ["<class 'object'>", "<Nasty whose repr() failed>", "nan", "[[...]]"]
    assert args[8:10] == ["2024-01-02", "eA=="]
    assert len(args[10]) <= 4096 and "characters cut" in args[10]
    assert args[11].startswith("[[[[") and args[12] == "<int whose repr() failed>"
    error = worker.error("many")
    assert error["args"] == list(range(32)) and len(error["message"]) <= 16384


def test_causes(start):
    worker = start('''
        def explicit():
            try: {}["k"]
            except KeyError as error: raise ValueError("second") from error
        def implicit():
            try: explicit()
            except ValueError: raise TypeError("third")
        def hidden():
            try: {}["k"]
            except KeyError: raise ValueError("alone") from None
        def circle():
            a, b = ValueError("a"), ValueError("b")
            a.__cause__, b.__cause__ = b, a
            raise a
        def long(n):
            error = None
            for at in range(n):
                following = ValueError(at)
                following.__cause__ = error
                error = following
            raise error
    ''')
    error = worker.error("implicit")
    assert (error["exception"], error["cause"]["exception"]) == ("TypeError", "ValueError")
    assert error["cause"]["cause"]["exception"] == "KeyError"
    assert error["cause"]["cause"]["args"] == ["k"]
    assert error["cause"]["cause"]["cause"] is None
    text = error["traceback"]
    assert text.index("KeyError") < text.index("second") < text.index("third")
    assert "During handling of the above exception" in text and "direct cause" in text
    assert "direct cause" not in error["cause"]["traceback"]
    assert worker.error("hidden")["cause"] is None
    error = worker.error("circle")
    assert error["cause"]["message"] == "b" and error["cause"]["cause"] is None
    error, length = worker.error("long", [20000]), 0
    while error["cause"]:
        error, length = error["cause"], length + 1
    assert length == 8


def test_recursion(start):
    worker = start('''
        import sys
        def down(n=0): return down(n + 1)
        def limit(n): sys.setrecursionlimit(n)
        def even(n): return odd(n + 1)
        def odd(n): return even(n + 1)
    ''')
    for limit in (1000, 5000, 60):
        worker.result("limit", [limit])
        for function in ("down", "even"):
            error = worker.error(function, [0])
            assert error["exception"] == "RecursionError"
            assert len(error["traceback"]) <= 65536
        assert worker.error("down", [1, 2, 3])["kind"] == "invalid_params"


def test_exceptions_that_resist(start):
    worker = start('''
        class NoText(Exception):
            def __str__(self): raise RuntimeError("no text")
        class Text(Exception):
            def __str__(self): return 5
        class Lying(Exception):
            @property
            def __cause__(self): raise RuntimeError("no cause")
        class Args(Exception):
            args = property(lambda self: 1 / 0)
        class Exits(Exception):
            def __str__(self): raise SystemExit
        class Meta(type):
            def __getattribute__(self, name):
                if name == "__module__": raise RuntimeError
                return super().__getattribute__(name)
        class Odd(Exception, metaclass=Meta): pass
        def fail(name): raise globals()[name]("x")
        def fine(): return 1
    ''')
    for name in ("NoText", "Text", "Lying", "Args", "Exits", "Odd"):
        error = worker.error("fail", [name])
        assert error["kind"] == "exception" and name in error["error"], error
        assert worker.result("fine") == 1
    assert worker.error("fail", ["NoText"])["message"] == "<str() of this NoText failed>"


def test_long_traceback_is_cut_in_the_middle(start):
    worker = start("def fail(): raise ValueError('x' * 200000 + 'end')")
    error = worker.error("fail")
    assert error["traceback"].startswith("Traceback") and error["traceback"].endswith("end\n")
    assert len(error["traceback"]) <= 65536 and "characters cut" in error["traceback"]
    assert len(error["message"]) <= 16384 and len(error["error"]) <= 17000


def test_groups_and_notes(start):
    worker = start('''
        import sys
        def fail():
            if sys.version_info < (3, 11):
                raise ValueError("one")
            def inner(): raise ValueError("one")
            try: inner()
            except ValueError as error:
                error.add_note("and a note")
                raise ExceptionGroup("several", [error, KeyError("two")])
        def new(): return sys.version_info >= (3, 11)
    ''')
    error = worker.error("fail")
    if worker.result("new"):
        assert error["exception"] == "ExceptionGroup"
        for part in ("ValueError: one", "KeyError: 'two'", "and a note", "2 sub-exceptions"):
            assert part in error["traceback"]
    else:
        assert error["message"] == "one"


def test_missing_import_in_a_function(start, tmp_path):
    (tmp_path / "colors.py").write_text("")
    worker = start("def look():\n    import colors", path=str(tmp_path / "calc.py"))
    assert "a file colors.py lies beside calc.py" in worker.error("look")["error"]


def test_surrogates(start):
    """Half a surrogate pair is no text for other languages: it comes out escaped."""
    worker = start(r"""
        def fail(): raise ValueError('\ud800', {'\udfff': '\ud800'})
        def text(): raise OSError('gone: \udcff')
        def default(a, b='\ud800'): return a
    """)
    assert worker.error("fail")["args"] == ["'\\ud800'", "{'\\udfff': '\\ud800'}"]
    error = worker.error("text")
    assert error["error"] == "OSError: gone: \\udcff" and "gone: \\udcff" in error["traceback"]
    assert "default" not in worker.methods["default"]["parameters"][1]
    assert "default(a, b='\\ud800'): missing" in worker.error("default")["error"]
    assert worker.error("\ud800")["error"] == 'there is no function "\\ud800"'
    assert "argument '\\ud800'" in worker.error("default", {"a": 1, "\ud800": 2})["error"]


def test_repr_and_str_that_raise_anything(start, spawn):
    """What is told of the exception stays whole, also if it is the start that fails."""
    code = '''
        class Argument:
            def __repr__(self): raise SystemExit(3)
        class Silent(Exception):
            def __str__(self): raise KeyboardInterrupt
            def __repr__(self): raise GeneratorExit
        class NoArguments(Exception):
            args = property(lambda self: exit(4))
        def argument(): raise ValueError("told", Argument())
        def silent(): raise Silent("told")
        def no_arguments(): raise NoArguments("told")
        def key(): return {Argument(): 1}
    '''
    worker = start(code)
    error = worker.error("argument")
    assert error["args"] == ["told", "<Argument whose repr() failed>"]
    assert "in argument" in error["traceback"]
    error = worker.error("silent")
    assert error["exception"] == "Silent" and "in silent" in error["traceback"]
    assert error["message"] == "<str() of this Silent failed>" and error["args"] == ["told"]
    error = worker.error("no_arguments")
    assert error["args"] == [] and "in no_arguments" in error["traceback"]
    assert "has a key of type Argument (<Argument>)" in worker.error("key")["message"]
    with pytest.raises(StartFailed) as caught:
        spawn(textwrap.dedent(code) + "argument()\n").ready()
    assert caught.value.status["args"] == ["told", "<Argument whose repr() failed>"]
    assert "in argument" in caught.value.status["traceback"]


def test_start_that_fails_with_arguments_that_the_daemon_would_alter(spawn):
    with pytest.raises(StartFailed) as caught:
        spawn(r'raise ValueError(2**64 - 1, 2**64, {"a\0": 1}) from KeyError(-2**63 - 1)').ready()
    status = caught.value.status
    assert status["args"] == [2**64 - 1, "18446744073709551616", r"{'a\x00': 1}"]
    assert status["cause"]["args"] == ["-9223372036854775809"]


def test_start_that_fails_with_more_than_a_message_holds(spawn):
    with pytest.raises(StartFailed) as caught:
        spawn('''
            error = None
            for number in range(9):
                new = ValueError(*["\\u00e4" * 4000] * 32)
                new.__cause__, error = error, new
            raise error
        ''').ready()
    status = caught.value.status
    assert len(json.dumps(status)) < 2 << 20
    assert status["exception"] == "ValueError" and "ValueError: (" in status["traceback"]
    assert status["args"] == [] and status["cause"] is None


def test_deep_stack(start):
    """Of very many frames the first and the last are told, and that is all that is looked at."""
    worker = start('''
        import sys, time, traceback
        def deep(depth):
            sys.setrecursionlimit(depth + 100)
            return _down(depth)
        def _down(n): return _down(n - 1) if n else _bottom()
        def _bottom():
            try:
                1 / 0
            except ZeroDivisionError as error:
                raise ValueError("deep") from error
        walked = traceback.walk_tb
        def _counted(trace):
            for count, item in enumerate(walked(trace)):
                assert count < 1100, "too many frames"
                yield item
        traceback.walk_tb = _counted
    ''')
    error = worker.error("deep", [20000])
    assert error["message"] == "deep" and "in _bottom" in error["traceback"]
    assert "in deep" in error["traceback"]
    assert '"<19005 frames are left out>"' in error["traceback"]
    assert "AssertionError" not in error["traceback"]
    assert "frames are left out" not in worker.error("deep", [300])["traceback"]
