"""A calculator service: every public method of the class is a command."""
import asyncio
import math
import time

from jumpboot import JSONQueueServer


class Calculator(JSONQueueServer):
    """Each worker has one of it, with a memory of its own."""

    def __init__(self):
        super().__init__()
        self.results = []

    def add(self, x: float, y: float) -> float:
        """The sum of two numbers."""
        return self._keep(x + y)

    def divide(self, x: float, y: float) -> float:
        """The quotient; ZeroDivisionError reaches the caller."""
        return self._keep(x / y)

    def mean(self, values: list) -> float:
        """The mean of numbers: an array of parameters is this one argument."""
        return self._keep(math.fsum(values) / len(values))

    async def add_slowly(self, x: float, y: float, seconds: float = 0.1) -> float:
        """The sum, after a while."""
        await asyncio.sleep(seconds)
        return self._keep(x + y)

    def last(self, count: int = 10) -> list:
        """What this worker has come to lately."""
        return self.results[-count:]

    def _keep(self, result):
        self.results.append(result)
        return result


if __name__ == "__main__":
    server = Calculator()
    while server.running:
        time.sleep(0.1)
