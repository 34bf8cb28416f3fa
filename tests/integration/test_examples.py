# SPDX-License-Identifier: MIT
"""The example program sets, and the example of the README."""
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import DEADLINE, run_daemon

TOP = Path(__file__).resolve().parents[2]
EXAMPLES = TOP / "conf" / "examples"
TEXT = str(TOP / "HACKING.md")


@pytest.fixture(scope="module")
def daemon(start_module_daemon):
    daemon = start_module_daemon(
        server={"program_sets": [str(EXAMPLES / "*.conf")]}, ready=False
    )
    daemon.wait_ready("calc", "echo", "text")
    return daemon


def test_check_config_accepts_the_examples(tmp_path):
    config = tmp_path / "jumpbootd.conf"
    config.write_text(json.dumps({"program_sets": [str(EXAMPLES / "*.conf")]}))
    run = run_daemon("--config", config, "--check-config")
    assert (run.returncode, run.stderr) == (0, "")


def test_check_config_accepts_the_installed_config(tmp_path):
    config = tmp_path / "jumpbootd.conf"
    config.write_bytes((TOP / "conf" / "jumpbootd.conf").read_bytes())
    (tmp_path / "programs.d").mkdir()
    (tmp_path / "programs.d" / "echo.conf").write_bytes((EXAMPLES / "calc.conf").read_bytes())
    (tmp_path / "programs.d" / "calc.py").write_bytes((EXAMPLES / "calc.py").read_bytes())
    run = run_daemon("--config", config, "--check-config")
    assert (run.returncode, run.stderr) == (0, "")


def test_a_call_gives_what_the_same_script_gives(daemon):
    script = subprocess.run(
        [sys.executable, EXAMPLES / "textstat" / "cold.py", TEXT],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=DEADLINE, check=True,
    )
    assert daemon.call("text.summary", {"path": TEXT}) == json.loads(script.stdout)


def test_key_values_are_defaults_of_the_program(daemon):
    assert len(daemon.call("text.words", {"path": TEXT})) == 10
    assert len(daemon.call("text.words", {"path": TEXT, "count": 2})) == 2


def test_reading_ease_of_a_text_without_words(daemon, tmp_path):
    (tmp_path / "empty").write_text("1, 2, 3.\n")
    error = daemon.error("text.reading", {"path": str(tmp_path / "empty")})
    assert error["message"] == "ValueError: there is no word in this text"
    # The traceback shows the lines of the embedded subpackage.
    assert "textkit/measure/readability.py" in error["data"]["traceback"]
    assert 'raise ValueError("there is no word in this text")' in error["data"]["traceback"]


def test_calc(daemon):
    assert daemon.call("calc.add", [1, 2]) == 3
    assert daemon.call("calc.add_slowly", {"a": 1, "b": 2, "seconds": 0}) == 3
    assert daemon.error("calc.divide", [1, 0])["data"]["exception"] == "ZeroDivisionError"


@pytest.mark.skipif("JUMPBOOT_BUILD" not in os.environ, reason="needs a build folder")
def test_the_demo_serves_until_it_is_stopped():
    build = Path(os.environ["JUMPBOOT_BUILD"]).resolve()
    demo = subprocess.Popen([sys.executable, TOP / "scripts" / "demo", build, "--serve"],
                            stdout=subprocess.PIPE, text=True, cwd="/")
    try:
        commands = []
        for line in demo.stdout:
            if line.startswith("  /"):
                commands.append(line)
            if line.startswith("Its log: /"):
                break
        assert len(commands) == 3
        for command in commands:  # as they stand there, from any folder
            run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd="/",
                                 timeout=DEADLINE)
            assert (run.returncode, run.stderr) == (0, "")
    finally:
        demo.send_signal(signal.SIGINT)
        shown, _ = demo.communicate(timeout=DEADLINE)
    assert demo.returncode == 0
    assert "is stopped again" in shown
    assert f"make -C {build} install\n" in shown


def test_the_example_of_the_readme(start_daemon):
    readme = (TOP / "README.md").read_text()
    files = dict(re.findall(r"^`/etc/jumpbootd/(.*)`:\n```\w+\n((?:.*\n)*?)```$", readme, re.M))
    assert set(files) == {"programs.d/calc.py", "programs.d/calc.conf"}
    daemon = start_daemon(
        files=files, server={"program_sets": ["programs.d/*.conf"]}, ready=False
    )
    daemon.wait_ready("calc")
    request = re.search(r"^printf .* '(\{.*\})' \|", readme, re.M)[1]
    answer = re.search(r"^(\{.*\"result\".*\})$", readme, re.M)[1]
    with daemon.connect() as client:
        client.send_line(request)
        assert client.receive_line().decode() == answer
