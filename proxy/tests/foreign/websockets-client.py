"""A client of a channel made with the Python package websockets, told what to do by foreign.rs: a
JSON object on each line of standard input is a deed, one on each line of standard output is an
event.

    python websockets-client.py URL [SUBPROTOCOL...]
"""

import asyncio
import base64
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus


def say(event):
    print(json.dumps(event), flush=True)


def encode(data):
    return base64.b64encode(data).decode()


async def obey(socket):
    loop = asyncio.get_running_loop()
    pings = set()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        deed = json.loads(line)
        match deed["do"]:
            case "text":
                await socket.send(deed["data"])
            case "binary":
                await socket.send(base64.b64decode(deed["data"]))
            case "ping":
                pings.add(asyncio.create_task(ping(socket, base64.b64decode(deed["data"]))))
            case "close":
                await socket.close(deed["code"], deed["reason"])


async def ping(socket, data):
    # It is resolved by a pong with the same data.
    await (await socket.ping(data))
    say({"event": "pong", "data": encode(data)})


async def hear(socket):
    try:
        while True:
            message = await socket.recv()
            if isinstance(message, bytes):
                say({"event": "binary", "data": encode(message)})
            else:
                say({"event": "text", "data": message})
    except ConnectionClosed:
        say({"event": "close", "code": socket.close_code, "reason": socket.close_reason})


async def main(url, subprotocols):
    # Compression is offered, as by default. What the environment says of HTTP proxies is not meant
    # for this machine.
    try:
        socket = await connect(url, subprotocols=subprotocols or None, max_size=None, proxy=None)
    except InvalidStatus as error:
        say({"event": "refused", "status": error.response.status_code})
        return
    say({
        "event": "open",
        "subprotocol": socket.subprotocol or "",
        "extensions": socket.response.headers.get("Sec-WebSocket-Extensions", ""),
    })
    obeying = asyncio.create_task(obey(socket))
    obeying.add_done_callback(lambda done: done.cancelled() or done.exception())
    await hear(socket)


asyncio.run(main(sys.argv[1], sys.argv[2:]))
