# SPDX-License-Identifier: MIT
"""Data files of embedded packages: importlib.resources and pkgutil.get_data."""
import pytest
from worker_fixtures import python, spawn, start  # noqa: F401
from worker_host import program

FILES = {"__init__.py": "", "table.json": '{"ä": 1}', "raw.bin": b"\x00\xff\r\n",
         "only_data/deep/notes.txt": "deep", "sub/__init__.py": "", "sub/own.txt": "own"}


def run(start, body, packages=None):
    """The result of a function with this body."""
    main = "import importlib.resources as r, pkgutil\ndef look():\n"
    main += "".join("    %s\n" % line for line in body.strip().splitlines())
    return start(main, packages=packages or {"tools": FILES}).result("look")


def test_files(start):
    assert run(start, '''
top = r.files("tools")
return [(top / "table.json").read_text(encoding="utf-8"),
        list(top.joinpath("raw.bin").read_bytes()),
        (top / "only_data" / "deep" / "notes.txt").read_text(),
        top.joinpath("sub/own.txt").read_text(),
        r.files("tools.sub").joinpath("own.txt").read_text(),
        sorted(item.name for item in top.iterdir()),
        [(top / name).is_file() for name in ("table.json", "sub", "gone")],
        [(top / name).is_dir() for name in ("table.json", "sub", "gone")],
        (top / "__init__.py").read_text()]
''') == ['{"ä": 1}', [0, 255, 13, 10], "deep", "own", "own",
         ["__init__.py", "only_data", "raw.bin", "sub", "table.json"],
         [True, False, False], [False, True, False], ""]


def test_open(start):
    assert run(start, '''
file = r.files("tools") / "table.json"
with file.open(encoding="utf-8") as text, file.open("rb") as data:
    return [text.read(), data.read().decode()]
''') == ['{"ä": 1}'] * 2


@pytest.mark.parametrize("expression,error", [
    ('(r.files("tools") / "gone").read_bytes()', "FileNotFoundError"),
    ('(r.files("tools") / "sub").read_text()', "IsADirectoryError"),
    ('list((r.files("tools") / "raw.bin").iterdir())', "NotADirectoryError"),
    ('(r.files("tools") / "raw.bin").open("w")', "ValueError"),
    ('pkgutil.get_data("tools", "gone.txt")', "FileNotFoundError"),
])
def test_errors(start, expression, error):
    assert run(start, '''
try:
    %s
except Exception as error:
    return type(error).__name__
''' % expression) == error


def test_as_file(start):
    assert run(start, '''
with r.as_file(r.files("tools") / "raw.bin") as path:
    return [list(path.read_bytes()), path.exists()]
''') == [[0, 255, 13, 10], True]


def test_older_functions(start):
    """importlib.resources as it was before files(); parts of it have come and gone since."""
    assert run(start, '''
found = [r.read_text("tools", "table.json", encoding="utf-8"),
         list(r.read_binary("tools", "raw.bin"))]
with r.path("tools.sub", "own.txt") as path, r.open_text("tools.sub", "own.txt") as text:
    found += [path.read_text(), text.read()]
return found + [r.is_resource("tools", "raw.bin"), r.is_resource("tools", "sub"),
                "raw.bin" in list(r.contents("tools"))]
''') == ['{"ä": 1}', [0, 255, 13, 10], "own", "own", True, False, True]


def test_pkgutil(start):
    assert run(start, '''
return [pkgutil.get_data("tools", "table.json").decode(),
        pkgutil.get_data("tools", "only_data/deep/notes.txt").decode(),
        pkgutil.get_data("tools.sub", "../raw.bin").hex()]
''') == ['{"ä": 1}', "deep", "00ff0d0a"]


def test_namespace_package(start):
    body = 'return r.files("bare").joinpath("x.txt").read_text()'
    assert run(start, body, {"bare": {"x.txt": "x", "mod.py": ""}}) == "x"


def test_installed_packages_are_read_as_before(start):
    assert run(start, '''
import json
return (r.files("json") / "__init__.py").is_file()
''') is True


def test_folder_of_nothing_but_data_is_a_package(start):
    """As on disk. The folder's name comes with the names of the files, or as a package's."""
    data = {"Name": "data/deep/x.txt", "Source": "eA=="}
    text = program('''
import importlib, importlib.resources as r, pkgutil, pk
def read(name): return r.files(name).joinpath("x.txt").read_text()
def names(): return [sorted(i.name for i in r.files("pk.data").iterdir()),
                     [m.name for m in pkgutil.iter_modules(pk.__path__)]]
def module(): return importlib.import_module("pk.mod").x
''', packages={"pk": {"__init__.py": "", "mod.py": "x = 1"}})
    text["Packages"][1]["Data"] += [data, {**data, "Name": "mod/y.txt"}, {**data, "Name": "v1.2/z"}]
    worker = start("", text=text)
    assert worker.result("read", ["pk.data.deep"]) == "x"
    assert worker.result("names") == [["deep"], ["mod"]]
    assert worker.result("module") == 1  # a module comes before a folder without __init__
