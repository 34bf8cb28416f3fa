# SPDX-License-Identifier: MIT
"""The debugger of a program with a debug_port: debugpy, in this process, for one client.

debugpy knows files. What it has to be told here, where its public functions end, is that embedded
code is the program's own, and there, whether or not there is a file of it.
"""
import importlib
import os
import socket

from .requirement import need

_HOST = "127.0.0.1"
_STARTED_WITHIN = 10.0  # seconds


def _check_port(port):
    """debugpy listens in a thread of its own, and would tell nobody that it cannot."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((_HOST, port))
            probe.listen(1)
    except OSError as error:
        raise OSError(error.errno, "debugpy cannot listen on port %d of %s (debug_port): %s"
                      % (port, _HOST, error.strerror)) from None


def _listen(port):
    debugpy = need("debugpy", "debug_port", "python3-debugpy")
    debugpy.configure(subProcess=False)
    try:
        # Not in a process of its own, which would live on.
        debugpy.listen((_HOST, port), in_process_debug_adapter=True)
    except TypeError:
        raise RuntimeError("debug_port needs debugpy 1.6.3 or newer, and this one is %s"
                           % debugpy.__version__) from None
    pydevd = importlib.import_module("pydevd")
    if not pydevd.get_global_debugger()._server_socket_ready_event.wait(_STARTED_WITHIN):
        raise RuntimeError("debugpy does not listen on port %d of %s" % (port, _HOST))
    return debugpy


class Debugger:
    def __init__(self, port, breaks, status):
        self._port = port
        self._breaks = breaks
        self._status = status

    def wait(self, paths):
        """Starts the debugger, and waits until a client is there and has said what it wants. paths:
        the virtual ones of the embedded code."""
        _check_port(self._port)
        os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # of files that need not be there
        debugpy = _listen(self._port)
        del os.environ["PYDEVD_DISABLE_FILE_VALIDATION"]
        self._teach(paths)
        self._status.log("warning", "debugpy listens on port %d of %s: whoever reaches it runs code "
                                    "as this worker" % (self._port, _HOST))
        self._status.debugger(True)
        debugpy.wait_for_client()
        self._status.debugger(False)

    @staticmethod
    def _teach(paths):
        utils = importlib.import_module("pydevd_file_utils")
        filtering = importlib.import_module("_pydevd_bundle.pydevd_filtering")
        files = {path for path in paths if not path.startswith("<")}
        exists = utils.exists
        utils.exists = lambda path: path in files or exists(path)
        filtering.USER_CODE_BASENAMES_STARTING_WITH += tuple(
            path for path in paths if path.startswith("<"))

    def before_main(self):
        """Has the first line of the main module be a breakpoint."""
        if self._breaks:
            importlib.import_module("_pydevd_bundle.pydevd_api").PyDevdAPI().stop_on_entry()
