# SPDX-License-Identifier: MIT
"""Lines that are larger than what a pipe takes: each arrives as it is, and costs the worker no more
memory than it must."""
import threading

import pytest
from harness import resident_kilobytes
from worker_fixtures import python, spawn, start  # noqa: F401

MAIN = """
def echo(text): return text
def join(*texts): return list(texts)
def length(text): return len(text)
"""
PIPE = 65536
SIZES = [size + step for size in (PIPE, 2 * PIPE, 1 << 20, 3 << 20) for step in range(-60, 20, 7)]
TEXTS = {"ascii": "x", "escaped": 'a"\\\n', "wide": "ä€😀"}


def exchange(worker, requests):
    """Sends them without waiting for an answer; each is a function with its arguments."""
    lines = b"".join(worker.request(function, params)[0] for function, params in requests)
    sender = threading.Thread(target=worker.send, args=(lines,), daemon=True)
    sender.start()
    answers = [worker.answer() for _ in requests]
    sender.join()
    return [answer["result"] for answer in answers]


@pytest.mark.parametrize("kind", TEXTS)
def test_large_lines_among_small_ones(start, kind):
    worker = start(MAIN)
    requests = []
    for size in SIZES if kind == "ascii" else SIZES[::9]:
        text = (TEXTS[kind] * size)[:size]
        requests += [("length", ["small"]), ("echo", [text]), ("echo", {"text": "small"})]
    expected = [len("small") if function == "length" else
                params["text"] if isinstance(params, dict) else params[0]
                for function, params in requests]
    assert exchange(worker, requests) == expected
    assert worker.result("join", ["x" * PIPE, "y", "z" * PIPE]) == ["x" * PIPE, "y", "z" * PIPE]


def test_memory_that_a_large_line_takes(start):
    """Of the line, its parsed text and the answer's, no more than two are there at a time; and none
    once it is answered."""
    size = 64 << 20  # beyond all that malloc might keep
    worker = start(MAIN)
    worker.result("echo", ["x"])
    before = resident_kilobytes(worker.pid)
    text = "x" * size
    assert worker.result("echo", [text]) == text
    assert worker.result("echo", ["x"]) == "x"
    assert (resident_kilobytes(worker.pid, "VmHWM") - before) * 1024 < 2.5 * size
    assert (resident_kilobytes(worker.pid) - before) * 1024 < 0.5 * size


def test_the_limit_of_large_answers(start):
    worker = start(MAIN, max_response_size=70000)
    most = 70000 - len('{"request_id":"1","result":""}\n')
    assert worker.result("echo", ["x" * most]) == "x" * most
    error = worker.error("echo", ["x" * (most + 1)])
    assert error["kind"] == "too_large" and error["size"] == 70001
    assert worker.result("echo", ["x" * most]) == "x" * most
