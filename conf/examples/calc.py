# SPDX-License-Identifier: MIT
"""Sums, and ways in which they go wrong."""
import asyncio


def add(a, b):
    """The sum of two numbers."""
    return a + b


def divide(a: float, b: float) -> float:
    """The quotient; b = 0 shows what an exception looks like to the caller."""
    return a / b


async def add_slowly(a: float, b: float, seconds: float = 1.0) -> float:
    """The sum, after a while."""
    await asyncio.sleep(seconds)
    return a + b
