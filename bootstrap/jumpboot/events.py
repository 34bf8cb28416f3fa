# SPDX-License-Identifier: MIT
"""The asyncio loop of a worker: one for all its calls, made when first needed."""


class Events:
    def __init__(self):
        self._loop = None

    def run(self, awaitable):
        """Runs the awaitable to its end. Tasks that it leaves behind go on in later calls."""
        if self._loop is None or self._loop.is_closed():
            import asyncio
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(awaitable)

    def close(self):
        """Cancels what is left and closes the loop, as asyncio.run() does."""
        loop, self._loop = self._loop, None
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
