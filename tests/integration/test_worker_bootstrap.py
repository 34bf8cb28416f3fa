# SPDX-License-Identifier: MIT
"""From the first stage to the ready message: imports, the main module, what it finds around it."""
import subprocess
import textwrap

import pytest
from worker_fixtures import python, spawn, start  # noqa: F401
from worker_host import BOOTSTRAP, StartFailed, package, program


def failure(worker):
    with pytest.raises(StartFailed) as caught:
        worker.ready()
    assert worker.wait() == 1
    return caught.value.status


def test_main_runs_as_main(start):
    worker = start('''
        import sys
        seen = []
        if __name__ == "__main__":
            seen.append("guard")
        def look():
            main = sys.modules["__main__"]
            return [seen, __file__, __package__, __spec__, main.look is look,
                    main.__dict__ is globals(), type(__builtins__).__name__]
    ''', path="/srv/calc.py")
    assert worker.result("look") == [["guard"], "/srv/calc.py", None, None, True, True, "module"]


def test_arguments_and_path(start, tmp_path):
    (tmp_path / "binascii.py").write_text("raise ImportError('the wrong one')")
    worker = start('''
        import sys
        def look():
            return [sys.argv, "" in sys.path, sys.extra_file_descriptors]
    ''', args=["--fast", "", "ä b"], cwd=tmp_path)
    assert worker.result("look") == [["<calc>", "--fast", "", "ä b"], False, []]


def test_module_attributes(start):
    packages = {"tools": {"__init__.py": "", "deep/__init__.py": "", "deep/leaf.py": "",
                          "bare/leaf.py": ""}}
    worker = start('''
        import importlib
        def look(name):
            module = importlib.import_module(name)
            spec = module.__spec__
            return [getattr(module, "__file__", None), module.__package__, module.__name__,
                    list(getattr(module, "__path__", [])), spec.name, spec.origin, spec.parent,
                    module.__loader__ is spec.loader]
    ''', packages=packages, modules={"colors": ("", "/srv/colors.py"), "shapes": ""})
    look = lambda name: worker.result("look", [name])  # noqa: E731
    assert look("colors") == ["/srv/colors.py", "", "colors", [], "colors", "/srv/colors.py", "",
                              True]
    assert look("shapes")[0] == "<shapes>"
    folder = "/virtual/tools"
    init = folder + "/__init__.py"
    assert look("tools") == [init, "tools", "tools", [folder], "tools", init, "tools", True]
    leaf = folder + "/deep/leaf.py"
    assert look("tools.deep.leaf") == [leaf, "tools.deep", "tools.deep.leaf", [],
                                       "tools.deep.leaf", leaf, "tools.deep", True]
    assert look("tools.bare") == [None, "tools.bare", "tools.bare", [folder + "/bare"],
                                  "tools.bare", None, "tools.bare", True]
    assert look("tools.bare.leaf")[0] == folder + "/bare/leaf.py"


def test_relative_and_circular_imports(start):
    worker = start('''
        import tools
        from tools.deep import leaf
        def look():
            return [leaf.up, leaf.beside.name, tools.first.second.back(), tools.deep.leaf.up]
    ''', packages={"tools": {
        "__init__.py": "from . import first\nname = 'tools'",
        "deep/__init__.py": "",
        "deep/leaf.py": "from .. import name as up\nfrom . import beside",
        "deep/beside.py": "name = __name__",
        "first.py": "from . import second\nvalue = 1",
        "second.py": "from . import first\nassert not hasattr(first, 'value')\n"
                     "def back(): return first.value",
    }})
    assert worker.result("look") == ["tools", "tools.deep.beside", 1, "tools"]


def test_top_level_is_imported_before_ready(start):
    worker = start("import sys\ndef look(): return [n in sys.modules for n in "
                   "('colors', 'tools', 'tools.lazy')]",
                   modules={"colors": ""}, packages={"tools": {"__init__.py": "", "lazy.py": ""}})
    assert worker.result("look") == [True, True, False]


def test_package_hides_module_of_its_name_as_on_disk(start):
    worker = start('''
        import tools.both, tools.data
        def look(): return [tools.both.kind, tools.data.kind]
    ''', packages={"tools": {"__init__.py": "", "both.py": "kind = 'module'",
                             "both/__init__.py": "kind = 'package'", "data.py": "kind = 'module'",
                             "data/table.json": b"{}"}})
    assert worker.result("look") == ["package", "module"]


def test_dotted_top_level_name(start):
    worker = start("from lib.colors import red\ndef look(): return red",
                   modules={"lib.colors": "red = 1"})
    assert worker.result("look") == 1


def test_reload_and_walk(start):
    worker = start('''
        import importlib, pkgutil, tools
        def names(): return sorted(m.name for m in pkgutil.walk_packages(tools.__path__, "tools."))
        def reload():
            before = tools.marker
            return importlib.reload(tools).marker is not before
    ''', packages={"tools": {"__init__.py": "marker = object()", "a.py": "", "sub/__init__.py": "",
                             "sub/b.py": ""}})
    assert worker.result("names") == ["tools.a", "tools.sub", "tools.sub.b"]
    assert worker.result("reload") is True


def test_files_on_disk_are_not_imported_from_an_embedded_folder(start, tmp_path):
    (tmp_path / "later.py").write_text("x = 1")
    text_main = '''
        import tools
        def look():
            import tools.later
    '''
    text = program(textwrap.dedent(text_main))
    text["Packages"].append(package("tools", {"__init__.py": ""}, str(tmp_path)))
    worker = start("", text=text)
    error = worker.error("look")
    assert error["exception"] == "ModuleNotFoundError"
    assert error["message"] == "No module named 'tools.later'"


def test_pickling(start):
    worker = start('''
        import pickle, colors, tools.deep
        class Point:
            def __init__(self): self.x = 3
        def look():
            things = [Point, look, colors.Color, colors.mix, tools.deep.Thing]
            point = pickle.loads(pickle.dumps(Point()))
            return [all(pickle.loads(pickle.dumps(t)) is t for t in things), point.x]
    ''', modules={"colors": "class Color: pass\ndef mix(): pass"},
        packages={"tools": {"__init__.py": "", "deep/__init__.py": "class Thing: pass"}})
    assert worker.result("look") == [True, 3]


def test_sources_can_be_looked_at(start, tmp_path):
    """The lines are the embedded ones, also where the file has changed on disk since."""
    path = tmp_path / "colors.py"
    path.write_text("# another text by now\n" * 9)
    worker = start('''
        import inspect, linecache, colors
        class Shape:
            side = 1
        def look():
            linecache.checkcache()
            return [inspect.getsource(f) for f in (colors.mix, Shape, look, colors)]
    ''', modules={"colors": ("def mix(a):\n    return a  # ä\x0c\u2028\n", str(path))})
    mix, shape, look, colors = worker.result("look")
    assert mix == colors == "def mix(a):\n    return a  # ä\x0c\u2028\n"
    assert shape == "class Shape:\n    side = 1\n"
    assert look.startswith("def look():\n    linecache.checkcache()\n")


def test_source_encodings(start):
    worker = start(b"# -*- coding: latin-1 -*-\nimport bom, crlf, inspect\ndef look():\n"
                   b"    return ['\xe4', bom.x, crlf.x, inspect.getsource(crlf)]\n",
                   modules={"bom": b"\xef\xbb\xbfx = '\xc3\xa4'", "crlf": b"x = '''a\r\nb'''\r\n"})
    assert worker.result("look") == ["ä", "ä", "a\nb", "x = '''a\nb'''\n"]


def test_the_jumpboot_package(start):
    worker = start('''
        import jumpboot, sys
        def look():
            return [jumpboot.Pipe_in.fileno(), jumpboot.Pipe_out.fileno(),
                    jumpboot.Status_in.fileno(), jumpboot.quality, jumpboot.status,
                    callable(sys.__jbo), jumpboot.__file__]
    ''', key_values={"quality": {"of": [85, None]}, "status": "mine"})
    assert worker.result("look") == [3, 4, 5, {"of": [85, None]}, "mine", True,
                                     "<jumpboot>/__init__.py"]


@pytest.mark.parametrize("name", ["expose", "Pipe_in", "on_exit", "__path__"])
def test_key_value_that_would_hide_a_name(spawn, name):
    status = failure(spawn("", key_values={name: 1}))
    assert status["stage"] == "bootstrap" and status["exception"] == "ValueError"
    assert 'key-value "%s" would hide jumpboot.%s' % (name, name) in status["message"]


def test_descriptors(start, tmp_path):
    """Nothing is open but what the worker needs, and what Python starts inherits none of it."""
    (tmp_path / "extra").write_text("from the daemon")
    with open(tmp_path / "extra") as extra:
        worker = start('''
            import os, subprocess, sys
            def own():
                return sorted(int(n) for n in os.listdir("/proc/self/fd")
                              if os.path.exists("/proc/self/fd/" + n))
            def inherited():
                return sorted(map(int, subprocess.run(["ls", "/proc/self/fd"], close_fds=False,
                                  stdout=subprocess.PIPE, text=True).stdout.split()))
            def read():
                return os.read(sys.extra_file_descriptors[0], 100).decode()
            def stdin():
                return sys.stdin.read()
        ''', extra_fds=[extra.fileno()])
        # 6 and 7 are the shared pages once more: Python keeps what it maps.
        assert worker.result("own") == list(range(11))
        assert worker.result("inherited") == [0, 1, 2, 3]  # 3 is the folder that ls reads
        assert worker.result("read") == "from the daemon"
        assert worker.result("stdin") == ""


def test_hidden_modules_win_and_are_told(start):
    worker = start('''
        import colorsys, json, email, jumpboot
        def look():
            return [colorsys.mine, json.mine, email.mine]
    ''', modules={"colorsys": "mine = 1", "json": "mine = 2", "harmless_name": ""},
        packages={"email": {"__init__.py": "mine = 3"}})
    assert worker.result("look") == [1, 2, 3]
    assert [(entry["type"], entry["level"]) for entry in worker.log] == [("log", "warning")] * 3
    for entry, name in zip(worker.log, ("colorsys", "json", "email")):
        assert entry["message"].startswith(
            'the embedded "%s" hides an installed module of that name (/' % name)


def test_built_in_module_is_hidden(start):
    worker = start("import _heapq_like, itertools\ndef look(): return itertools.mine",
                   modules={"itertools": "mine = 1", "_heapq_like": ""})
    assert worker.result("look") == 1
    assert len(worker.log) == 1 and "built-in" in worker.log[0]["message"]


@pytest.mark.parametrize("name,why", [("sys", "Python itself needs it"),
                                      ("__main__", "Python itself needs it"),
                                      ("jumpboot", "it is there twice")])
def test_names_that_cannot_be_embedded(spawn, name, why):
    status = failure(spawn("", modules={name: ""}))
    assert status["stage"] == "bootstrap"
    assert status["message"] == 'no embedded module can be named "%s": %s' % (name, why)


def test_syntax_error(spawn):
    status = failure(spawn("import colors", modules={"colors": ("x = 1\ny = = 2\n", "/s/c.py")}))
    assert (status["type"], status["stage"], status["exception"]) == (
        "exception", "import", "SyntaxError")
    assert status["traceback"] == ('  File "/s/c.py", line 2\n    y = = 2\n        ^\n'
                                   "SyntaxError: invalid syntax\n")


def test_syntax_error_in_main(spawn):
    status = failure(spawn("def f(:\n", path="/srv/calc.py"))
    assert status["stage"] == "main"
    assert 'File "/srv/calc.py", line 1\n    def f(:\n' in status["traceback"]


def test_nul_in_source(spawn):
    status = failure(spawn("", modules={"colors": b"x = 1\ny = 2\0"}))
    assert status["traceback"] == ('  File "<colors>", line 2\n'
                                   "SyntaxError: the source contains a null byte\n")


def test_undecodable_source(spawn):
    status = failure(spawn("", modules={"colors": b"x = '\xff'\n"}))
    assert status["stage"] == "import"
    assert status["traceback"].startswith('  File "<colors>", line 1')


def test_exception_in_main(spawn):
    """The traceback begins with the program's code; nothing of the import system is in it."""
    status = failure(spawn('''
        def prepare():
            import tools.broken
        prepare()
    ''', packages={"tools": {"__init__.py": "", "broken.py": "table = {}\ntable['x']"}}))
    assert status["stage"] == "main" and status["exception"] == "KeyError"
    assert status["args"] == ["x"] and status["message"] == "'x'" and status["cause"] is None
    lines = [line for line in status["traceback"].splitlines() if "^" not in line]
    assert lines == [
        "Traceback (most recent call last):",
        '  File "<calc>", line 4, in <module>',
        "    prepare()",
        '  File "<calc>", line 3, in prepare',
        "    import tools.broken",
        '  File "/virtual/tools/broken.py", line 2, in <module>',
        "    table['x']",
        "KeyError: 'x'",
    ]


def test_exception_has_its_causes(spawn):
    status = failure(spawn('''
        try:
            import nothing_of_that_name
        except ImportError as error:
            raise RuntimeError("cannot start") from error
    '''))
    assert (status["exception"], status["message"]) == ("RuntimeError", "cannot start")
    cause = status["cause"]
    assert cause["exception"] == "ModuleNotFoundError" and cause["cause"] is None
    assert cause["message"] == "No module named 'nothing_of_that_name'"
    assert "direct cause of the following exception" in status["traceback"]
    assert "direct cause" not in cause["traceback"] and "stage" not in cause


@pytest.mark.parametrize("statement,name,args", [
    ("sys.exit(3)", "SystemExit", [3]), ("sys.exit()", "SystemExit", []),
    ("raise KeyboardInterrupt", "KeyboardInterrupt", [])])
def test_main_that_leaves(spawn, statement, name, args):
    status = failure(spawn("import sys\n" + statement))
    assert (status["stage"], status["exception"]) == ("main", name)
    assert status["args"][:1] == args[:1]


def test_exception_in_on_start(spawn):
    worker = spawn('''
        import jumpboot
        @jumpboot.on_start
        def connect():
            1 / 0
    ''')
    status = failure(worker)
    assert (status["stage"], status["exception"]) == ("on_start", "ZeroDivisionError")
    assert status["traceback"].splitlines()[1] == '  File "<calc>", line 5, in connect'


def test_missing_import_that_lies_beside_main(spawn, tmp_path):
    (tmp_path / "colors.py").write_text("")
    main = str(tmp_path / "calc.py")
    status = failure(spawn("import colors", path=main))
    hint = ('a file colors.py lies beside calc.py, but is not embedded: add it to "modules" in '
            "the program set")
    assert status["message"] == "No module named 'colors' (%s)" % hint
    assert status["traceback"].endswith("No module named 'colors'\n%s\n" % hint)


def test_missing_package_that_lies_beside_main(spawn, tmp_path):
    (tmp_path / "shapes").mkdir()
    status = failure(spawn("""
        try:
            import shapes
        except ImportError:
            raise RuntimeError("no shapes")
    """, path=str(tmp_path / "calc.py")))
    hint = ('a folder shapes lies beside calc.py, but is not embedded: add it to "packages" in '
            "the program set")
    assert hint in status["cause"]["message"] and hint in status["traceback"]


def test_large_program(start):
    """More than any pipe holds, so both sides read and write in turns."""
    source = "x = 1\n" + "# %s\n" % ("filler " * 10) * 300000
    worker = start("import big\ndef look(): return big.x", modules={"big": source})
    assert worker.result("look") == 1


def test_json_without_its_c_parts(spawn, tmp_path):
    """The json module's private helpers are a help, not a need."""
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent("""
        import json, json.encoder

        class Decoder:
            def __init__(self, plain=json.JSONDecoder):
                self._plain = plain()
            def raw_decode(self, text, at=0):
                return self._plain.raw_decode(text, at)

        json.JSONDecoder = Decoder
        json.encoder.c_make_encoder = None
    """))
    worker = spawn("def add(a, b):\n    return {'sum': a + b, 'n': [None, b'x']}\n",
                   env={"PYTHONPATH": str(tmp_path)})
    worker.ready()
    assert worker.result("add", [1, 2]) == {"sum": 3, "n": [None, "eA=="]}
    assert "NaN" in worker.error("add", b'[1e999,-1e999]')["message"]


def test_too_old_python(tmp_path):
    primary = (BOOTSTRAP / "primary.py").read_text().replace("{{BOOTSTRAP_FD}}", "9")
    primary = "import sys; sys.version_info = (3, 8)\n" + primary
    ran = subprocess.run(["/usr/bin/python3", "-u", "-c", primary], stderr=subprocess.PIPE)
    assert ran.returncode == 1
    assert ran.stderr.startswith(b"jumpboot needs Python 3.9 or newer: /usr/bin/python3 is")


def test_hidden_namespace_package_is_told(start, tmp_path):
    (tmp_path / "spaced" / "below").mkdir(parents=True)
    worker = start("import spaced.mine\ndef look(): return spaced.mine.x",
                   packages={"spaced": {"mine.py": "x = 1"}}, env={"PYTHONPATH": str(tmp_path)})
    assert worker.result("look") == 1
    assert [entry["message"] for entry in worker.log] == [
        'the embedded "spaced" hides an installed module of that name (%s/spaced)' % tmp_path]


def test_dotted_name_below_an_installed_folder(start, tmp_path):
    """What is installed there can be imported as well."""
    (tmp_path / "spaced" / "there").mkdir(parents=True)
    (tmp_path / "spaced" / "there" / "old.py").write_text("x = 1")
    worker = start('''
        import spaced.new.deep, spaced.there.new, spaced.there.old
        def look(): return [spaced.new.deep.x, spaced.there.new.x, spaced.there.old.x]
    ''', modules={"spaced.new.deep": "x = 2", "spaced.there.new": "x = 3"},
        env={"PYTHONPATH": str(tmp_path)})
    assert worker.result("look") == [2, 3, 1]
    assert worker.log == []


def test_encoding_declared_in_a_text_of_the_configuration(start):
    """Such a text is UTF-8 already; a file is decoded as it declares."""
    source = "# -*- coding: latin-1 -*-\nx = 'ä'\r\n"
    worker = start(source + "import text, file, inspect\ndef look():\n"
                   "    return [x, text.x, file.x, "
                   "inspect.getsource(text), inspect.getsource(file)]\n",
                   modules={"text": source, "file": source.encode("latin-1")})
    shown = source.replace("\r", "")
    assert worker.result("look") == ["ä", "ä", "ä", shown, shown]


def test_start_that_fails_ends_at_once(spawn):
    """Whatever threads there are; what was written before is not lost."""
    worker = spawn('''
        import atexit, io, sys, threading
        threading.Thread(target=threading.Event().wait).start()
        atexit.register(threading.Event().wait)
        print("begun", end="")
        sys.stdout = open(1, "w", closefd=False)
        print(" and buffered", end="")
        1 / 0
    ''')
    assert failure(worker)["exception"] == "ZeroDivisionError"
    assert worker.wait() == 1
    assert worker.out.whole() == b"begun and buffered"


def test_forked_child_of_the_start_fails_on_its_own(start):
    worker = start('''
        import os
        child = os.fork()
        if child == 0: raise SystemExit(3)
        status = os.waitpid(child, 0)[1] >> 8
        def look(): return status
    ''')
    assert worker.result("look") == 3
