# SPDX-License-Identifier: MIT
"""jumpbootctl env, with a store, packages and an index of the test's own."""
import base64
import hashlib
import http.server
import json
import os
import signal
import subprocess
import threading
import zipfile
from pathlib import Path

from ctl import ctl_command
from harness import DEADLINE, heed_signals

MARKER = "jumpboot-environment.json"
PATIENCE = 6 * DEADLINE  # pip is installed, which takes seconds where nothing else runs


def make_wheel(folder, name, version="1.0", source="", requires=()):
    """A wheel of one module, made without any tool."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": source or f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(
            f"Requires-Dist: {other}\n" for other in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
                         "Tag: py3-none-any\n",
    }
    record = []
    path = Path(folder) / f"{module}-{version}-py3-none-any.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            record.append(f"{file},sha256={digest.decode().rstrip('=')},{len(text.encode())}\n")
            wheel.writestr(file, text)
        wheel.writestr(f"{info}/RECORD", "".join(record) + f"{info}/RECORD,,\n")
    return path


class Envs:
    """A folder with a config, a state directory and packages, and the command on them."""

    def __init__(self, folder, state=None):
        self.folder = Path(folder)
        self.state = Path(state or self.folder / "state")
        self.store = self.state / "envs"
        self.wheels = self.folder / "wheels"
        self.config = self.folder / "jumpbootd.conf"
        self.state.mkdir(exist_ok=True)
        self.wheels.mkdir(exist_ok=True)
        self.write_config()

    def write_config(self, programs=None, **server):
        """A config whose programs are given by name, each with its environment."""
        (self.folder / "set.conf").write_text(json.dumps({"programs": {
            name: {"main": {"source": "def f(): pass"}, "environment": environment}
            for name, environment in (programs or {}).items()}}))
        self.config.write_text(json.dumps({
            "listen": str(self.folder / "socket"), "state_directory": str(self.state),
            "program_sets": ["set.conf"] if programs else [], **server}))

    def command(self, *words):
        return [*ctl_command(), "env", *map(str, words), "--config", str(self.config)]

    def environment(self, **variables):
        """Without what a user's pip is told."""
        own = {name: value for name, value in os.environ.items()
               if not name.startswith("PIP_") and name != "JUMPBOOT_SOCKET"}
        return {**own, "PIP_CONFIG_FILE": "/dev/null", **variables}

    def start(self, *words, **options):
        """The command as it runs."""
        environment = self.environment(**options.pop("variables", {}))
        return subprocess.Popen(
            self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
            preexec_fn=heed_signals, **options)

    def run(self, *words, **options):
        """Its exit status, stdout and stderr."""
        process = self.start(*words, **options)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return process.returncode, out, err

    def create(self, name, *words, **options):
        """Must succeed; packages come from the folder of wheels."""
        status, out, err = self.run("create", name, "--no-index", "--find-links", self.wheels,
                                    *words, **options)
        assert status == 0, err
        return out, err

    def info(self, name):
        status, out, err = self.run("info", name, "--json")
        assert status == 0, err
        return json.loads(out)

    def packages(self, name):
        return {package["name"]: package["version"] for package in self.info(name)["packages"]}

    def names(self):
        status, out, err = self.run("list", "--json")
        assert status == 0, err
        return [environment["name"] for environment in json.loads(out)]

    def left(self):
        """All that lies in the store."""
        return sorted(os.listdir(self.store)) if self.store.exists() else []


class Index:
    """What pip asks for packages. Holds each question until the test lets it go."""

    def __init__(self, wheels, is_open=False):
        self.asked = threading.Event()
        self._open = threading.Event()
        if is_open:
            self._open.set()
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                index.asked.set()
                index._open.wait(PATIENCE)
                name = self.path.rstrip("/").rpartition("/")[2]
                if name.endswith(".whl"):
                    data, kind = (wheels / name).read_bytes(), "application/zip"
                else:
                    found = sorted(wheels.glob(f"{name.replace('-', '_')}-*.whl"))
                    data = "".join(f'<a href="/{path.name}">{path.name}</a>' for path in found)
                    data, kind = data.encode(), "text/html"
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except ConnectionError:  # pip was ended meanwhile
                    pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def wait_asked(self):
        assert self.asked.wait(PATIENCE), "nobody asks the index"

    def release(self):
        self._open.set()
