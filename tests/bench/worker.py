# SPDX-License-Identifier: MIT
"""A worker with nothing about it: the functions of the bench, on two pipes or behind the relay. What
a server does more than this costs more than this. Calls are JSON-RPC lines of the layout that the
load has, and are answered in their order; those that come together are answered together."""
import json
import os

from program import add, burn, echo

READ_SIZE = 65536
READ_MORE = 1048576
FUNCTIONS = {"bench.add": add, "bench.burn": burn, "bench.echo": echo}


def serve(read_fd=0, write_fd=1):
    scan = json.JSONDecoder().scan_once
    encode = json.JSONEncoder(ensure_ascii=True, check_circular=False).encode
    functions = FUNCTIONS
    parts = []
    while True:
        chunk = os.read(read_fd, READ_MORE if parts else READ_SIZE)
        if not chunk:
            return
        if not chunk.endswith(b"\n"):
            end = chunk.rfind(b"\n")
            parts.append(chunk)
            if end < 0:
                continue
            text = b"".join(parts)
            end += len(text) - len(chunk) + 1
            parts = [text[end:]]
            text = text[:end].decode()
        elif parts:
            parts.append(chunk)
            text = b"".join(parts).decode()
            parts = []
        else:
            text = chunk.decode()
        answers = []
        position, end = 0, len(text)
        while position < end:
            call, position = scan(text, position)
            result = functions[call["method"]](*call["params"])
            answers.append('{"jsonrpc":"2.0","id":%d,"result":%s}\n' % (call["id"], encode(result)))
            position += 1
        out = "".join(answers).encode()
        written = os.write(write_fd, out)
        while written < len(out):
            out = memoryview(out)[written:]
            written = os.write(write_fd, out)


if __name__ == "__main__":
    try:
        serve()
    except BrokenPipeError:  # the load is over
        pass
