# SPDX-License-Identifier: MIT
"""zeromq.py SOCKET N: a proxy between a ROUTER for clients and a DEALER for N workers, each with a
REP socket: the pattern that ZeroMQ's guide has for this. Calls are JSON-RPC, a message each."""
import json
import os
import sys

import zmq

from peers.parent import die_with_parent
from program import add, burn, echo

FUNCTIONS = {"bench.add": add, "bench.burn": burn, "bench.echo": echo}


def work(endpoint):
    die_with_parent()
    socket = zmq.Context().socket(zmq.REP)
    socket.connect(endpoint)
    while True:
        call = json.loads(socket.recv())
        result = FUNCTIONS[call["method"]](*call["params"])
        socket.send(b'{"jsonrpc":"2.0","id":%d,"result":%s}'
                    % (call["id"], json.dumps(result).encode()))


def main(path, workers):
    endpoint = "ipc://%s.workers" % path
    for _ in range(int(workers)):
        if os.fork() == 0:
            work(endpoint)
    context = zmq.Context()
    backend = context.socket(zmq.DEALER)
    backend.bind(endpoint)
    frontend = context.socket(zmq.ROUTER)
    frontend.bind("ipc://" + path)
    zmq.proxy(frontend, backend)


if __name__ == "__main__":
    main(*sys.argv[1:])
