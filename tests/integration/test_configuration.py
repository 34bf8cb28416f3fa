# SPDX-License-Identifier: MIT
"""The command line, and configs that are wrong: what is wrong, where, and what would be right.

In the texts below ‸ marks the place where the error must be said to be.
"""
import json
import re
import subprocess
import textwrap

import pytest
from harness import DEADLINE, daemon_command, run_daemon

EX_USAGE, EX_IOERR, EX_CONFIG = 64, 74, 78


def check(tmp_path, config, program_set=None, files=None):
    """Runs --check-config; texts may bear the mark ‸ at the place of the error."""
    texts = {"jumpbootd.conf": config, "set.conf": program_set, **(files or {})}
    place = None
    for name, text in texts.items():
        if text is None:
            continue
        text = textwrap.dedent(text).lstrip("\n")
        before, mark, after = text.partition("‸")
        if mark:
            line = before.count("\n") + 1
            column = len(before) - (before.rfind("\n") + 1) + 1
            place = f"{tmp_path / name}:{line}:{column}: "
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(before + after)
    return run_daemon("--check-config", "--config", tmp_path / "jumpbootd.conf"), place


WITH_SET = '{ "listen": "socket", "program_sets": ["set.conf"] }'


def assert_wrong(result, place, *words):
    assert result.returncode == EX_CONFIG, result.stderr
    assert place in result.stderr, f"expected {place}\n{result.stderr}"
    (line,) = [line for line in result.stderr.splitlines() if place in line]
    for word in words:
        assert word in line, line


def test_version():
    result = run_daemon("--version")
    assert result.returncode == 0
    assert re.match(r"jumpbootd \d+\.\d+", result.stdout)


def test_help():
    result = run_daemon("--help")
    assert result.returncode == 0
    for option in ("--config", "--check-config", "--dump-config", "--log-level", "--version"):
        assert option in result.stdout


@pytest.mark.parametrize("arguments, told", [
    (["--nonsense"], "--nonsense: there is no such option"),
    (["-x"], "-x: there is no such option"),
    (["--check-config=1"], "--check-config takes no value"),
    (["--config"], "--config needs a value"),
    (["--config", ""], "--config needs a path, and this one is empty"),
    (["-l"], "-l needs a value"),
    (["--log-level", "loud"], 'unknown log level "loud": use one of emerg, alert, crit, error, '
     "warning, notice, info, debug"),
    (["--log-level", "warn"], 'unknown log level "warn": use one of emerg, alert, crit, error, '
     "warning, notice, info, debug"),
    (["argument"], 'unexpected argument "argument"'),
])
def test_wrong_command_lines(arguments, told):
    result = run_daemon(*arguments)
    assert (result.returncode, result.stdout) == (EX_USAGE, "")
    assert result.stderr == f'jumpbootd: {told}\nTry "jumpbootd --help".\n'


@pytest.mark.parametrize("option", ["--help", "--version", "--check-config", "--dump-config"])
def test_output_that_cannot_be_written(tmp_path, option):
    config = tmp_path / "jumpbootd.conf"
    config.write_text('{ "program_sets": [] }')
    with open("/dev/full", "w") as full:
        result = subprocess.run([*daemon_command(), "--config", config, option], stdout=full,
                                stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert result.returncode == EX_IOERR
    assert "cannot write to standard output: No space left on device\n" in result.stderr


def test_a_config_that_does_not_exist(tmp_path):
    for option in ([], ["--check-config"], ["--dump-config"]):
        result = run_daemon(*option, "--config", tmp_path / "nothing.conf")
        assert result.returncode == EX_CONFIG
        assert str(tmp_path / "nothing.conf") in result.stderr


@pytest.mark.valgrind
def test_a_right_config(tmp_path):
    result, _ = check(
        tmp_path,
        """
        // Comments of both kinds
        {
            "listen": "socket", /* relative to this file */
            "program_sets": ["set.conf"],
            "max_clients": 10, "max_request_size": "1.5M", "shutdown_timeout": "0"
        }
        """,
        """
        { "programs": { "app": { "main": { "source": "def f(): pass" }, "max_workers": 2 } } }
        """,
    )
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "socket").exists(), "a check starts nothing"


@pytest.mark.valgrind
@pytest.mark.parametrize(
    "config, words",
    [
        ('{ "listen": "socket"‸ "max_clients": 5 }', [","]),
        ('{ "listen": ‸\'socket\' }', ["double quotes"]),
        ('{ ‸listen: "socket" }', ['"listen"']),
        ('{ "max_clients": ‸05 }', ["leading zero"]),
        ('{ "program_sets": [] }‸}', []),
        ('\n\n  { "listen": "socket",\n    "listen_mode": ‸yes }', ["yes"]),
        ('{ "listen": "a", ‸"listen": "b" }', ["listen", "a second time", "1:3"]),
        ('{ ‸"max_cliens": 5 }', ["max_cliens", "max_clients"]),
        ('{ ‸"nonsense_option": 5 }', ["nonsense_option"]),
        ('{ "max_clients": ‸"5" }', ["max_clients", "number"]),
        ('{ "max_clients": ‸0 }', ["max_clients", "1"]),
        ('{ "max_clients": ‸-5 }', ["max_clients"]),
        ('{ "max_clients": ‸1.5 }', ["max_clients"]),
        ('{ "max_clients": ‸null }', ["max_clients"]),
        ('{ "max_request_size": ‸"16 bananas" }', ["max_request_size", "K"]),
        ('{ "max_request_size": ‸1000 }', ["max_request_size", '"']),
        ('{ "shutdown_timeout": ‸30 }', ["shutdown_timeout", '"30s"']),
        ('{ "shutdown_timeout": ‸"soon" }', ["shutdown_timeout"]),
        ('{ "listen_mode": ‸"0999" }', ["listen_mode"]),
        ('{ "listen_mode": ‸438 }', ["listen_mode"]),
        ('{ "log_level": ‸"loud" }', ["log_level", "debug"]),
        ('{ "listen_group": ‸"no_such_group_here" }', ["no_such_group_here"]),
        ('{ "program_sets": ‸"set.conf" }', ["program_sets", "array"]),
        ('{ "program_sets": [‸5] }', ["program_sets"]),
        ('{ "program_sets": [‸"missing.conf"] }', ["missing.conf"]),
        ('{ "defaults": { ‸"max_worker": 3 } }', ["max_worker", "max_workers"]),
        ('{ "defaults": { "max_workers": ‸"many" } }', ["max_workers"]),
        ('‸[1, 2]', ["object"]),
        ('{ "listen": ‸"' + "x" * 200 + '" }', ["listen"]),
    ],
    ids=lambda value: value.replace("\n", " ")[:40] if isinstance(value, str) else "",
)
def test_errors_in_jumpbootd_conf(tmp_path, config, words):
    result, place = check(tmp_path, config, '{ "programs": {} }')
    assert_wrong(result, place, *words)


@pytest.mark.parametrize(
    "program_set, words",
    [
        ('{ "programs": { ‸"app": { } } }', ["app", "main"]),
        ('{ "programs": { "app": { "main": ‸"missing.py" } } }', ["missing.py"]),
        ('{ "programs": { "app": { "main": "app.py", ‸"max_worker": 3 } } }', ["max_workers"]),
        ('{ "programs": { "app": { "main": "app.py", "max_workers": ‸0 } } }', ["max_workers"]),
        ('{ "programs": { "app": { "main": "app.py", "request_timeout": ‸30 } } }', ['"30s"']),
        ('{ "programs": { "app": { "main": "app.py", "clear_env": ‸"yes" } } }', ["true"]),
        ('{ "programs": { "app": { "main": "app.py", "nice": ‸40 } } }', ["nice", "19"]),
        ('{ "programs": { "app": { "main": "app.py", "cpu_affinity": ‸"0-" } } }',
         ["cpu_affinity", "spread", "0-3,8"]),
        ('{ "programs": { "app": { "main": "app.py", "cpu_affinity": ‸"1023" } } }',
         ["cpu_affinity", "CPU 1023", "may use, which are"]),
        ('{ "programs": { ‸"1app": { "main": "app.py" } } }', ["1app"]),
        ('{ "programs": { ‸"a.b": { "main": "app.py" } } }', ["a.b"]),
        ('{ "programs": { ‸"rpc": { "main": "app.py" } } }', ["rpc"]),
        ('{ "programs": { ‸"jumpbootd": { "main": "app.py" } } }', ["jumpbootd"]),
        ('{ "programs": { "app": { "main": "app.py" }, ‸"app": { "main": "app.py" } } }',
         ["app", "a second time"]),
        ('{ "programs": ‸[] }', ["programs", "object"]),
        ('{ ‸"program": { } }', ["programs"]),
        ('{ "programs": ‸{ } }', ["no program"]),
        ('{ "modules": { "colors": ‸"missing.py" }, ONE }', ["missing.py"]),
        ('{ "packages": { "tools": ‸"missing" }, ONE }', ["missing"]),
        ('{ "modules": { ‸"not a name": "app.py" }, ONE }', ["not a name"]),
        ('{ "key_values": { ‸"Pipe_in": 5 }, ONE }', ["Pipe_in"]),
        ('{ "environment": ‸{ "python": "/no/python" }, ONE }', ["/no/python"]),
        ('{ "environment": ‸{ "venv": "/no/venv" }, ONE }', ["/no/venv"]),
        ('{ "programs": { "app": { "main": "app.py", "args": ‸"one" } } }', ["args", "array"]),
        ('{ "programs": { "app": { "main": "app.py", "args": [‸1] } } }', ["args"]),
        ('{ "programs": { "app": { "main": "app.py", "env": { "A": ‸1 } } } }',
         ["variable A", "string"]),
        ('{ "programs": { "app": { "main": "app.py", "env": { ‸"A=B": "1" } } } }', ["A=B"]),
        ('{ "programs": { "app": { "main": "app.py", "env": { "A": ‸"${HOME}" } } } }',
         ["${slot}", "$${HOME}"]),
        ('{ "programs": { "app": { "main": { "source": ‸5 } } } }', ["source"]),
        ('{ "programs": { "app": { "main": "app.py", "working_directory": ‸"/no/such" } } }',
         ["/no/such"]),
        ('{ "programs": { "app": { "main": "app.py", "min_workers": ‸5, "max_workers": 2 } } }',
         ["min_workers", "max_workers"]),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_errors_in_a_program_set(tmp_path, program_set, words):
    program_set = program_set.replace("ONE", '"programs": { "app": { "main": "app.py" } }')
    result, place = check(tmp_path, WITH_SET, program_set, {"app.py": "def f(): pass\n"})
    assert_wrong(result, place, *words)


def test_two_programs_of_one_name_in_two_sets(tmp_path):
    result, place = check(
        tmp_path,
        '{ "listen": "socket", "program_sets": ["set.conf", "two.conf"] }',
        '{ "programs": { "app": { "main": { "source": "" } } } }',
        {"two.conf": '{ "programs": { ‸"app": { "main": { "source": "" } } } }'},
    )
    assert_wrong(result, place, "app", str(tmp_path / "set.conf"))


def test_every_error_is_told_at_once(tmp_path):
    result, _ = check(
        tmp_path,
        '{ "max_cliens": 5, "listen_mode": "9", "program_sets": ["set.conf"] }',
        '{ "programs": { "app": { "main": "missing.py" }, "rpc": { "main": { "source": "" } } } }',
    )
    assert result.returncode == EX_CONFIG
    for word in ("max_cliens", "listen_mode", "missing.py", "rpc"):
        assert word in result.stderr


def test_a_wrong_config_does_not_start(tmp_path):
    config = tmp_path / "jumpbootd.conf"
    config.write_text('{ "listen": "socket", "max_cliens": 5 }')
    result = run_daemon("--config", config)
    assert result.returncode == EX_CONFIG
    assert f"{config}:1:23: " in result.stderr
    assert not (tmp_path / "socket").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"{" * 100000, b"// only"],
    ids=["empty", "nul", "utf-16", "bom", "deep", "comment"],
)
def test_files_that_are_no_config(tmp_path, content):
    config = tmp_path / "jumpbootd.conf"
    config.write_bytes(content)
    result = run_daemon("--check-config", "--config", config)
    assert result.returncode == EX_CONFIG
    assert f"{config}:" in result.stderr


def test_a_folder_and_an_unreadable_file_as_config(tmp_path):
    result = run_daemon("--check-config", "--config", tmp_path)
    assert result.returncode == EX_CONFIG
    assert str(tmp_path) in result.stderr


def test_dump_config(tmp_path):
    """What is dumped is JSON, and has every option with the value in force."""
    _, _ = check(
        tmp_path,
        """
        { "listen": "socket", "program_sets": ["set.conf"], "max_clients": 77,
          "defaults": { "max_workers": 3 } }
        """,
        """
        { "defaults": { "request_timeout": "90s" },
          "programs": { "app": { "main": "app.py", "idle_timeout": "1500ms" } } }
        """,
        {"app.py": "def f(): pass\n"},
    )
    result = run_daemon("--dump-config", "--config", tmp_path / "jumpbootd.conf")
    assert result.returncode == 0, result.stderr
    dumped = json.loads(result.stdout)
    server = dumped["server"]
    assert (server["max_clients"], server["max_request_size"]) == (77, "16M")
    assert server["listen"] == str(tmp_path / "socket")
    app = dumped["program_sets"][str(tmp_path / "set.conf")]["programs"]["app"]
    assert app["main"] == str(tmp_path / "app.py")
    assert (app["max_workers"], app["min_workers"]) == (3, 1)
    assert app["request_timeout"] == "90s"
    assert app["idle_timeout"] == "1500ms"
    assert app["startup_timeout"] == "30s"


def test_globs_and_relative_paths(tmp_path):
    result, _ = check(
        tmp_path,
        '{ "listen": "socket", "program_sets": ["sets/*.conf"] }',
        None,
        {
            "sets/one.conf": '{ "programs": { "one": { "main": "../code/one.py" } } }',
            "sets/two.conf": '{ "modules": { "m": "m.py" },'
                             '  "programs": { "two": { "main": { "source": "" } } } }',
            "sets/m.py": "",
            "code/one.py": "",
        },
    )
    assert result.returncode == 0, result.stderr
    empty, _ = check(tmp_path, '{ "listen": "socket", "program_sets": ["none/*.conf"] }')
    assert empty.returncode == 0, "a pattern that fits nothing is no error"


def test_log_level_of_the_command_line(start_daemon):
    daemon = start_daemon({"app": "def f(): pass"}, arguments=["--log-level", "debug"])
    daemon.call("app.f")
    daemon.wait_log("busy -> idle")
    quiet = start_daemon({"app": "def f(): pass"}, server={"log_level": "error"})
    quiet.call("app.f")
    assert quiet.log() == ""
