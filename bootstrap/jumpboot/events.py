# SPDX-License-Identifier: MIT
"""The asyncio loop of a worker: one for all its calls, made when first needed."""
import types

from .interrupt import interruption
from .origin import run_within


async def awaited(awaitable):
    """The coroutine by which the task of a request is known."""
    return await awaitable


class Events:
    def __init__(self, pages):
        self._pages = pages
        self.loop = None
        self.task = None  # of the request that is running
        self._coroutine = None

    def run(self, awaitable, serial=None):
        """Runs the awaitable to its end, as a part of the request with that id. Tasks that it leaves
        behind go on in later calls."""
        if self.loop is None or self.loop.is_closed():
            import asyncio
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        self._coroutine = awaited(awaitable)
        try:
            task = self.task = run_within(serial, self.loop.create_task, self._coroutine)
            if self._pages.unwanted():  # an interrupt that came before there was a task
                task.cancel()
            return self.loop.run_until_complete(task)
        except BaseException as error:
            raise self._outcome(awaitable, error)
        finally:
            self.task = self._coroutine = None

    def _outcome(self, awaitable, error):
        """What is raised for this error: cancelling the task is how an interrupt gets there."""
        import asyncio
        task = self.task
        if task is None or task.done():
            if task is not None and not task.cancelled():
                task.exception()  # asyncio is told that somebody knows of it
            if isinstance(awaitable, types.CoroutineType):
                awaitable.close()  # no warning, if it has never begun
        cell = self._pages.unwanted()
        return interruption(cell) if cell and isinstance(error, asyncio.CancelledError) else error

    def is_at(self, frame):
        """Whether this frame of awaited() is the running request's, not one left behind."""
        return self._coroutine is not None and self._coroutine.cr_frame is frame

    def cancel(self):
        """Cancels the running request's task when the loop comes to it; False if there is none."""
        task = self.task
        if task is None or task.done():
            return False
        try:
            self.loop.call_soon_threadsafe(task.cancel)
        except RuntimeError:  # the program has closed the loop
            return False
        return True

    def close(self):
        """Cancels what is left and closes the loop, as asyncio.run() does."""
        loop, self.loop = self.loop, None
        if loop is None or loop.is_closed():
            return
        import asyncio
        try:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()
