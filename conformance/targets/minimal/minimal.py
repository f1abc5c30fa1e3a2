"""A Named WebSockets proxy in one file that accepts links, but neither advertises nor dials.

The suite's own tests run it as a second implementation; target.toml says how, and where it is known
to deviate from the protocol.
"""

import argparse
import asyncio
import ipaddress
import re
import signal
import socket
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

NAME = re.compile(rb"[A-Za-z0-9._-]{1,255}")
ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")
NO_LONGER = "nobody here is on this channel any more"
LINK = "X-BroadcastWebSocket-Proxy"


def channel_of(target):
    """The scope and name that a request target asks for, or None."""
    match target.partition("?")[0].split("/"):
        case ["", ("local" | "broadcast") as scope, name] if ENCODED.fullmatch(name):
            name = unquote_to_bytes(name)
            return (scope, name) if NAME.fullmatch(name) else None
    return None


def is_own(address, connection):
    """Whether an address is of this machine, as far as this connection shows."""
    address, ours = (ipaddress.ip_address(text.partition("%")[0])
                     for text in (address, connection.local_address[0]))
    plain = getattr(address, "ipv4_mapped", None) or address
    return plain.is_loopback or plain == (getattr(ours, "ipv4_mapped", None) or ours)


def names_this_machine(host, connection):
    """Whether a `Host` header is one of this machine's own names or addresses."""
    name = re.sub(r":\d*$", "", host).lower().removesuffix(".")
    own = socket.gethostname().lower()
    if name == "localhost" or name.endswith(".localhost") or name in (own, own + ".local"):
        return True
    try:
        return is_own(name.strip("[]"), connection)
    except ValueError:
        return False


class Member:
    """A client or a link, and what waits for it."""

    def __init__(self, connection):
        self.connection = connection
        self.is_link = connection.request.headers.get(LINK) == "true"
        self.outbox = asyncio.Queue(maxsize=16)
        self.gone = asyncio.Event()

    async def write(self, stall_time):
        try:
            while True:
                message = await self.outbox.get()
                sending = asyncio.ensure_future(self.connection.send(message))
                while not sending.done():
                    waiting = self.connection.transport.get_write_buffer_size()
                    done, _ = await asyncio.wait({sending}, timeout=stall_time)
                    if not done and self.connection.transport.get_write_buffer_size() >= waiting:
                        # Nothing was taken. A close frame would stand behind all that is buffered.
                        self.connection.transport.abort()
                await sending
        except ConnectionClosed:
            pass


class Proxy:
    def __init__(self, stall_time):
        self.stall_time = stall_time
        self.channels = {}
        self.tasks = set()

    def judge(self, connection, request):
        """Refuses what is no member of a channel; runs before the upgrade."""
        def refuse(status, why):
            return connection.respond(status, why + "\n")

        link = request.headers.get(LINK) == "true"
        here = is_own(connection.remote_address[0], connection)
        hosts = request.headers.get_all("Host")
        channel = channel_of(request.path)
        if len(hosts) != 1:
            return refuse(HTTPStatus.BAD_REQUEST, "a request has one Host")
        if not link and not (here and names_this_machine(hosts[0], connection)):
            return refuse(HTTPStatus.FORBIDDEN, "only for this machine, as localhost")
        if request.path == "/":
            return refuse(HTTPStatus.OK, "A Named WebSockets proxy that dials no links.")
        if channel is None:
            return refuse(HTTPStatus.NOT_FOUND, "no such channel")
        if link and channel[0] == "local":
            return refuse(HTTPStatus.BAD_REQUEST, "links are for broadcast channels")
        return None

    def subprotocol(self, connection, offered):
        return offered[0] if offered else None

    def answer(self, connection, request, response):
        """Joins before the answer is sent, so that who has read it misses nothing."""
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            response.headers["Access-Control-Allow-Origin"] = "*"
            connection.member = Member(connection)
            self.channels.setdefault(channel_of(request.path), set()).add(connection.member)
            self.spawn(self.leave_at_end(connection))

    async def leave_at_end(self, connection):
        await connection.wait_closed()
        self.leave(connection)

    def leave(self, connection):
        member = connection.member
        key = channel_of(connection.request.path)
        members = self.channels.get(key, set())
        if member not in members:
            return
        members.discard(member)
        member.gone.set()
        if not members:
            del self.channels[key]
        elif not member.is_link and all(other.is_link for other in members):
            for link in members:
                self.spawn(link.connection.close(1000, NO_LONGER))

    async def serve(self, connection):
        member = connection.member
        writer = asyncio.create_task(member.write(self.stall_time))
        try:
            members = self.channels[channel_of(connection.request.path)]
            async for message in connection:
                # Links of this kind carry from us to the other proxy only.
                for other in set() if member.is_link else members - {member}:
                    await self.hand(other, message)
        except ConnectionClosed:
            pass
        finally:
            self.leave(connection)
            writer.cancel()

    async def hand(self, member, message):
        """Waits for room, unless the reader goes: a slow reader slows its senders."""
        put = asyncio.ensure_future(member.outbox.put(message))
        gone = asyncio.ensure_future(member.gone.wait())
        await asyncio.wait({put, gone}, return_when=asyncio.FIRST_COMPLETED)
        put.cancel()
        gone.cancel()

    def spawn(self, work):
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def main():
    parser = argparse.ArgumentParser(description="A minimal Named WebSockets proxy.")
    parser.add_argument("--port", type=int, default=9009)
    parser.add_argument("--keep-alive", type=float, default=30, metavar="SECONDS")
    parser.add_argument("--stall-time", type=float, default=10, metavar="SECONDS")
    parser.add_argument("--max-message-size", type=int, default=16 << 20, metavar="BYTES")
    options = parser.parse_args()

    proxy = Proxy(options.stall_time)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(
        proxy.serve,
        None,
        options.port,
        process_request=proxy.judge,
        process_response=proxy.answer,
        select_subprotocol=proxy.subprotocol,
        compression=None,
        close_timeout=1,
        max_size=options.max_message_size,
        ping_interval=options.keep_alive,
        # The library would cut those whose pongs it has not read yet.
        ping_timeout=None,
    ):
        # Leaving the block closes every client with 1001.
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
