# SPDX-License-Identifier: MIT
"""The functions that all peers serve. The first argument of each is the number of the call."""
import time


def add(a, b):
    return a + b


def echo(number, text):
    return text


def burn(number, microseconds):
    """Takes so much CPU time, however often it is interrupted."""
    end = time.thread_time_ns() + microseconds * 1000
    while time.thread_time_ns() < end:
        pass
    return number
