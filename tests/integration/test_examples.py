# SPDX-License-Identifier: MIT
"""The example program sets, and the example of the README."""
import base64
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from harness import DEADLINE, PYTHON, run_daemon

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


def test_the_commands_of_the_readmes_name_what_is_there():
    """Each folder with a program set tells how to call its functions."""
    folders = sorted(conf.parent for conf in EXAMPLES.glob("*/*.conf"))
    assert len(folders) == 5
    for folder in folders:
        called = re.findall(r"jumpbootctl call (\w+)\.(\w+)", (folder / "README.md").read_text())
        source = (folder / (folder.name + ".py")).read_text()
        assert called
        for program, function in called:
            assert program == folder.name
            assert f"def {function}(" in source or f'"{function}"' in source


@pytest.fixture(scope="module")
def examples(start_module_daemon, tmp_path_factory):
    """The examples in folders of their own; the one with a venv gets that beside it."""
    folder = tmp_path_factory.mktemp("inventory")
    shutil.copytree(EXAMPLES / "inventory", folder, dirs_exist_ok=True)
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", folder / "venv"], check=True,
                   timeout=DEADLINE)
    (packages,) = folder.glob("venv/lib/python*/site-packages")
    install_package(packages, "swallow", "1.2.3")
    names = ("arrays", "calculator", "thumbnail", "wordcount")
    daemon = start_module_daemon(ready=False, server={"program_sets": [
        str(folder / "inventory.conf"), *(str(EXAMPLES / name / "*.conf") for name in names)]})
    daemon.wait_ready("inventory", *names)
    daemon.venv = folder / "venv"
    return daemon


def install_package(packages, name, version):
    """What an installer leaves of a package with one module."""
    (packages / f"{name}.py").write_text("speed = 11\n")
    info = packages / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_a_service_that_is_a_class(examples):
    client = examples.connect()
    assert client.call("calculator.add", {"x": 1, "y": 2}) == 3
    assert client.call("calculator.mean", [1, 2, 6]) == 3
    assert client.call("calculator.add_slowly", [1, 2, 0.001]) == 3
    assert client.error("calculator.divide", [1, 0])["data"]["exception"] == "ZeroDivisionError"
    assert client.call("calculator.last", {"count": 1}) in ([3], [])
    methods = {method["name"]: method for method in client.call("rpc.discover")["methods"]}
    assert methods["calculator.mean"]["summary"].startswith("The mean of numbers")


def test_a_loop_over_a_queue(examples):
    client = examples.connect()
    counted = client.call("wordcount.count", {"text": "to be or not to be"})
    assert counted == {"to": 2, "be": 2, "or": 1, "not": 1}
    assert ["be", 2] in client.call("wordcount.most_common", {"count": 2})
    error = client.error("wordcount.count", {})
    assert "KeyError" in error["data"]["traceback"]
    assert "only count and most_common" in client.error("wordcount.other")["message"]


def test_arrays(examples):
    client = examples.connect()
    described = client.call("arrays.describe", {"values": [1, 2, 3, 4]})
    assert described == {"count": 4, "mean": 2.5, "deviation": pytest.approx(1.118, abs=1e-3),
                         "quartiles": [1.75, 2.5, 3.25]}
    assert client.call("arrays.multiply", [[[1, 2], [3, 4]], [[0, 1], [1, 0]]]) == [[2, 1], [4, 3]]
    line = client.call("arrays.fit_line", {"x": [0, 1, 2], "y": [1, 3, 5]})
    assert line == {"slope": pytest.approx(2), "offset": pytest.approx(1)}
    assert client.error("arrays.multiply", [[[1]], [[1, 2], [3, 4]]])["data"][
        "exception"] == "ValueError"


def gray_png(width, height):
    """An image, made by hand."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def test_thumbnails(examples, tmp_path):
    client = examples.connect()
    image = base64.b64encode(gray_png(400, 100)).decode()
    assert client.call("thumbnail.size", {"image": image}) == [400, 100]
    small = client.call("thumbnail.thumbnail", {"image": image, "width": 40, "height": 40})
    assert base64.b64decode(small).startswith(b"\x89PNG")
    assert client.call("thumbnail.size", {"image": small}) == [40, 10]
    (tmp_path / "image.png").write_bytes(gray_png(20, 200))
    small = client.call("thumbnail.of_file", {"path": str(tmp_path / "image.png"), "height": 50})
    assert client.call("thumbnail.size", {"image": small}) == [5, 50]
    broken = base64.b64encode(b"no image").decode()
    assert client.error("thumbnail.size", [broken])["data"]["exception"].endswith(
        "UnidentifiedImageError")


def test_a_program_with_a_venv_of_its_own(examples):
    client = examples.connect()
    where = client.call("inventory.where")
    assert where["prefix"] == str(examples.venv)
    assert client.call("inventory.packages") == {"swallow": "1.2.3"}
    assert client.call("inventory.version", {"name": "swallow"}) == "1.2.3"
    assert client.call("inventory.file_of", ["swallow"]).startswith(str(examples.venv))
    assert client.error("inventory.version", ["albatross"])["data"]["exception"].endswith(
        "PackageNotFoundError")


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
