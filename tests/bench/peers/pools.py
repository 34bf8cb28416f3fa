# SPDX-License-Identifier: MIT
"""Puts a load on a pool of processes that Python itself brings, closed loop: so many calls are
always under way, and each answer is checked. What came of it is written as JSON of the layout that
`load` has; start_us is how long it took from making the pool to the first answer."""
import argparse
import json
import multiprocessing
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import program
from peers.parent import die_with_parent

SIZES = {"": 1, "K": 1024, "M": 1024 * 1024}
TIMES = {"us": 1, "ms": 1000, "s": 1000000}
PATTERN = "The quick brown fox jumps over the lazy dog, again and again. "


def scaled(text, units):
    digits = text.rstrip("".join(units))
    return int(digits) * units[text[len(digits):]]


def make_work(spec):
    """The function, what its arguments are for a number, and what it has to return."""
    name, _, detail = spec.partition(":")
    if name == "echo":
        size = scaled(detail, SIZES)
        text = (PATTERN * (size // len(PATTERN) + 1))[:size]
        return program.echo, lambda number: (number, text), lambda number: text
    if name == "burn":
        duration = scaled(detail, TIMES)
        return program.burn, lambda number: (number, duration), lambda number: number
    return program.add, lambda number: (number, 1000), lambda number: number + 1000


class Pool:
    """multiprocessing.Pool: apply for one call at a time, apply_async for more."""

    def __init__(self, workers):
        self._pool = multiprocessing.get_context("fork").Pool(workers, die_with_parent)

    def call(self, function, arguments):
        return self._pool.apply(function, arguments)

    def begin(self, function, arguments, done):
        self._pool.apply_async(function, arguments, callback=done, error_callback=done)

    def end(self):
        self._pool.terminate()


class Executor:
    """concurrent.futures.ProcessPoolExecutor."""

    def __init__(self, workers):
        self._pool = ProcessPoolExecutor(workers, multiprocessing.get_context("fork"),
                                         die_with_parent)

    def call(self, function, arguments):
        return self._pool.submit(function, *arguments).result()

    def begin(self, function, arguments, done):
        def finish(future):
            done(future.exception() or future.result())
        self._pool.submit(function, *arguments).add_done_callback(finish)

    def end(self):
        self._pool.shutdown(cancel_futures=True)


class Load:
    def __init__(self, pool, work, outstanding):
        self._pool = pool
        self._function, self._arguments, self._expected = make_work(work)
        self._outstanding = outstanding
        self._number = 0
        self._over = False
        self._done = threading.Condition()
        self._under_way = 0
        self.is_counting = False
        self.latencies = []
        self.failures = 0

    def _take(self, number, begun, result):
        if result != self._expected(number):
            self.failures += 1
        elif self.is_counting:
            self.latencies.append(time.perf_counter_ns() - begun)

    def _next(self):
        with self._done:
            if self._over:
                self._under_way -= 1
                self._done.notify()
                return
            number = self._number
            self._number += 1
        begun = time.perf_counter_ns()

        def done(result):
            self._take(number, begun, result)
            self._next()
        self._pool.begin(self._function, self._arguments(number), done)

    def _call_until(self, end):
        while time.perf_counter() < end:
            begun = time.perf_counter_ns()
            number = self._number = self._number + 1
            self._take(number, begun, self._pool.call(self._function, self._arguments(number)))

    def begin(self):
        if self._outstanding == 1:
            return
        self._under_way = self._outstanding
        for _ in range(self._outstanding):
            self._next()

    def go_on(self, seconds):
        """Returns when they are over; calls that began within them may still be under way."""
        end = time.perf_counter() + seconds
        if self._outstanding == 1:
            self._call_until(end)
        else:
            time.sleep(max(0.0, end - time.perf_counter()))

    def finish(self):
        with self._done:
            self._over = True
            self._done.wait_for(lambda: self._under_way == 0)


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        with open("/proc/%d/schedstat" % pid) as file:
            total += int(file.read().split()[0])
    return total / 1e9


def quantile(latencies, share):
    if not latencies:
        return 0.0
    return latencies[min(len(latencies) - 1, int(share * len(latencies)))] / 1000


def measure(load, warm_up, duration):
    load.begin()
    load.go_on(warm_up)
    workers = [child.pid for child in multiprocessing.active_children()]
    begin, own, theirs = time.perf_counter(), time.process_time(), cpu_seconds(workers)
    load.is_counting = True
    load.go_on(duration)
    load.is_counting = False
    seconds = time.perf_counter() - begin
    own, theirs = time.process_time() - own, cpu_seconds(workers) - theirs
    load.finish()
    latencies = sorted(load.latencies)
    calls = len(latencies)
    return {
        "calls": calls, "seconds": seconds, "rate": calls / seconds,
        "latency_us": {"p50": quantile(latencies, 0.5), "p90": quantile(latencies, 0.9),
                       "p99": quantile(latencies, 0.99), "p999": quantile(latencies, 0.999),
                       "max": quantile(latencies, 1)},
        "cpu_us": {"client": own * 1e6 / max(calls, 1), "workers": theirs * 1e6 / max(calls, 1)},
        "failures": load.failures, "starved": 0,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["pool", "executor"], required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--work", default="add")
    parser.add_argument("--outstanding", type=int, default=1)
    parser.add_argument("--warm-up", type=float, default=0.2, help="seconds")
    parser.add_argument("--duration", type=float, default=1.0, help="seconds")
    options = parser.parse_args()
    begin = time.perf_counter()
    pool = (Pool if options.kind == "pool" else Executor)(options.workers)
    try:
        pool.call(program.add, (1, 2))
        started = (time.perf_counter() - begin) * 1e6
        load = Load(pool, options.work, options.outstanding)
        report = measure(load, options.warm_up, options.duration)
    finally:
        pool.end()
    print(json.dumps({**report, "start_us": started}))


if __name__ == "__main__":
    main()
