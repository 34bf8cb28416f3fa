# SPDX-License-Identifier: MIT
"""The functions of the bench for ASGI servers (uvicorn): arguments and result as JSON."""
import asyncio
import json

from program import add, burn, echo

FUNCTIONS = {"/add": add, "/burn": burn, "/echo": echo}


async def read_call(receive):
    """The arguments; None: the client has left."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return json.loads(b"".join(parts))


async def answer(send, result):
    body = json.dumps(result).encode()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"application/json"),
                            (b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def application(scope, receive, send):
    """The function runs in the event loop: nothing else does meanwhile."""
    call = await read_call(receive)
    if call:
        await answer(send, FUNCTIONS[scope["path"]](*call))


async def in_threads(scope, receive, send):
    """The function runs in a thread, as frameworks do it with those that are not async."""
    call = await read_call(receive)
    function = FUNCTIONS[scope["path"]]
    if call:
        loop = asyncio.get_running_loop()
        await answer(send, await loop.run_in_executor(None, function, *call))
