# SPDX-License-Identifier: MIT
"""Embedded modules and packages: imports that work, and imports that fail with a clear word."""
import pytest

FILES = {
    "lib/colors.py": """
        NAMES = ["red", "green"]
        WHERE = __file__
    """,
    "tools/__init__.py": """
        from . import first
        from .sub import deep
        VERSION = "1.0"
    """,
    "tools/first.py": """
        from .second import helper

        def call():
            return helper() + " via first"
    """,
    "tools/second.py": """
        def helper():
            return "helper"
    """,
    "tools/sub/__init__.py": "",
    "tools/sub/deep.py": """
        from ..second import helper
        from .. import first as again
        import tools.first

        def call():
            return [helper(), again is tools.first, __name__, __package__]
    """,
    "tools/sub/deeper/bottom.py": """
        from ...second import helper

        class Thing:
            def __init__(self, value):
                self.value = value
    """,
    "tools/data/table.json": '{"answer": 42}',
    "tools/data/raw.bin": bytes(range(256)),
    "circle/__init__.py": "",
    "circle/left.py": """
        from circle import right

        def name():
            return "left of " + right.OWN
    """,
    "circle/right.py": """
        import circle.left

        OWN = "right"

        def name():
            return circle.left.name()
    """,
    "beside.py": "VALUE = 1",
    "broken/__init__.py": "",
    "broken/syntax.py": """
        def fine():
            pass

        def broken(:
            pass
    """,
    "main.py": """
        import colors
        import tools.sub.deep
        import tools.sub.deeper.bottom
        from circle import left, right

        def names():
            return colors.NAMES

        def files():
            import tools.first
            return [__file__, colors.WHERE, tools.first.__file__, tools.__file__]

        def relative():
            return [tools.first.call(), tools.sub.deep.call()]

        def circular():
            return [left.name(), right.name()]

        def data():
            import importlib.resources
            import pkgutil
            raw = pkgutil.get_data("tools", "data/raw.bin")
            text = (importlib.resources.files("tools") / "data" / "table.json").read_text()
            return [list(raw) == list(range(256)), text]

        def pickled(value):
            import pickle
            thing = tools.sub.deeper.bottom.Thing(value)
            return pickle.loads(pickle.dumps(thing)).value

        def pickled_own(value):
            import pickle
            return pickle.loads(pickle.dumps(Own(value))).value

        class Own:
            def __init__(self, value):
                self.value = value

        def late():
            import tools.sub.deep as module
            return module.__spec__.name

        def sources():
            import inspect
            return inspect.getsource(colors) + inspect.getsource(names)

        def main_module():
            import sys
            return [__name__, sys.modules["__main__"].names is names, "" in sys.path]

        RAN = []
        if __name__ == "__main__":
            RAN.append("main")

        def ran():
            return RAN
    """,
}


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    return start_module_daemon(
        {
            "app": {"main": "main.py"},
        },
        shared={
            "modules": {"colors": "lib/colors.py"},
            "packages": {"tools": {"path": "tools", "data": ["*.json", "*.bin"]},
                         "circle": "circle"},
        },
        files=FILES,
    )


@pytest.mark.valgrind
def test_a_module_and_a_package_with_subpackages(daemon):
    assert daemon.call("app.names") == ["red", "green"]
    assert daemon.call("app.relative") == [
        "helper via first", ["helper", True, "tools.sub.deep", "tools.sub"],
    ]


def test_file_is_the_absolute_path_of_where_the_source_came_from(daemon):
    assert daemon.call("app.files") == [
        f"{daemon.directory}/main.py",
        f"{daemon.directory}/lib/colors.py",
        f"{daemon.directory}/tools/first.py",
        f"{daemon.directory}/tools/__init__.py",
    ]


def test_circular_imports(daemon):
    assert daemon.call("app.circular") == ["left of right", "left of right"]


def test_data_files_of_a_package(daemon):
    assert daemon.call("app.data") == [True, '{"answer": 42}']


def test_classes_of_embedded_modules_can_be_pickled(daemon):
    assert daemon.call("app.pickled", [5]) == 5
    assert daemon.call("app.pickled_own", [6]) == 6


def test_imports_at_call_time(daemon):
    assert daemon.call("app.late") == "tools.sub.deep"


def test_the_source_can_be_inspected(daemon):
    text = daemon.call("app.sources")
    assert 'NAMES = ["red", "green"]' in text
    assert "def names():" in text


def test_the_main_module_is_main(daemon):
    assert daemon.call("app.main_module") == ["__main__", True, False]
    assert daemon.call("app.ran") == ["main"]


def test_files_are_read_once_at_load(start_daemon):
    """A worker that is started later gets the program as it was when it was loaded."""
    daemon = start_daemon(
        {"app": {"main": "app.py", "max_workers": 1}},
        files={"app.py": "import os\ndef version(): return 'old'\ndef leave(): os._exit(0)\n"},
    )
    (daemon.directory / "app.py").write_text("def version(): return 'new'")
    assert daemon.error("app.leave")["data"]["kind"] == "worker_died"
    assert daemon.call("app.version") == "old"
    (daemon.directory / "app.py").unlink()
    assert daemon.error("app.leave")["data"]["kind"] == "worker_died"
    assert daemon.call("app.version") == "old"


# Imports that fail: what a call is answered then.


def start_error(start_daemon, files, **shared):
    """The start-up error of app.py, as the `unavailable` tells it that its calls are answered."""
    daemon = start_daemon(
        {"app": {"main": "app.py", "restart_threshold": 1}}, files=files, shared=shared,
        ready=False,
    )
    error = daemon.error("app.anything")
    assert error["code"] == -32005, error
    return daemon, error["data"]["error"]


def test_a_missing_module(start_daemon):
    daemon, error = start_error(start_daemon, {"app.py": "import nowhere_to_be_found\n"})
    assert error["exception"] == "ModuleNotFoundError"
    assert error["message"].startswith("No module named 'nowhere_to_be_found'")
    assert f'File "{daemon.directory}/app.py", line 1' in error["traceback"]
    assert "import nowhere_to_be_found" in error["traceback"]
    assert daemon.log_lines("No module named 'nowhere_to_be_found'")


def test_a_missing_module_that_lies_beside_the_main_file(start_daemon):
    """The error says where it lies and what has to be written into the config."""
    daemon, error = start_error(
        start_daemon, {"app.py": "import beside\n", "beside.py": "VALUE = 1\n"}
    )
    assert error["exception"] == "ModuleNotFoundError"
    assert "beside.py lies beside app.py" in error["message"]
    assert '"modules"' in error["message"]
    assert daemon.log_lines("beside.py lies beside app.py")


def test_a_syntax_error_in_a_module(start_daemon):
    daemon, error = start_error(
        start_daemon,
        {"app.py": "import broken.syntax\n",
         **{name: text for name, text in FILES.items() if name.startswith("broken/")}},
        packages={"broken": "broken"},
    )
    assert error["exception"] == "SyntaxError"
    assert f'File "{daemon.directory}/broken/syntax.py", line 4' in error["traceback"]
    assert "def broken(:" in error["traceback"]


def test_a_syntax_error_in_the_main_module(start_daemon):
    daemon, error = start_error(start_daemon, {"app.py": "x = 1\n\ndef f(:\n    pass\n"})
    assert error["exception"] == "SyntaxError"
    assert f'File "{daemon.directory}/app.py", line 3' in error["traceback"]


def test_an_exception_in_the_main_module_with_its_cause(start_daemon):
    _, error = start_error(start_daemon, {"app.py": """
        def connect():
            try:
                raise OSError(2, "no database")
            except OSError as reason:
                raise RuntimeError("cannot start") from reason

        connect()
    """})
    assert (error["exception"], error["message"]) == ("RuntimeError", "cannot start")
    assert error["stage"] == "main"
    assert "connect()" in error["traceback"]
    assert error["cause"]["exception"] == "FileNotFoundError"
    assert "no database" in error["cause"]["message"]


def test_sys_exit_in_the_main_module(start_daemon):
    _, error = start_error(start_daemon, {"app.py": "raise SystemExit('no licence')"})
    assert error["exception"] == "SystemExit"
    assert "no licence" in error["message"]


def test_an_installed_module_that_is_hidden_is_warned_of(start_daemon):
    daemon = start_daemon(
        {"app": {"main": {"source": "import colorsys\ndef own(): return colorsys.OWN\n"}}},
        shared={"modules": {"colorsys": "colorsys.py"}},
        files={"colorsys.py": "OWN = True\n"},
    )
    assert daemon.call("app.own") is True
    assert daemon.wait_log("colorsys")
