# SPDX-License-Identifier: MIT
"""Clients that run in the box until they are told to stop. It lies there beside the scripts that
import it."""
import sys

DEADLINE = 120.0


def run(clients, stopping):
    """Starts the threads and writes "running" once each has had an answer. When the input ends, they
    are told to stop, and are waited for."""
    for client in clients:
        client.start()
    for client in clients:
        if not client.has_answer.wait(DEADLINE):
            sys.exit(f"{sys.argv[0]}: a client has had no answer for {DEADLINE:.0f} s")
    print("running", flush=True)
    sys.stdin.read()
    stopping.set()
    for client in clients:
        client.join()
