#!/usr/bin/env python3
"""relay.py FROM TO: passes connections on, each `tcp:HOST:PORT` or `unix:PATH`. A socket file leads out of a network
namespace, which has no other way to the local AWS."""
import asyncio
import os
import sys

CHUNK = 65536


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while some := await reader.read(CHUNK):
            writer.write(some)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def relay(listen: str, to: str) -> None:
    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind, _, where = to.partition(":")
        host, _, port = where.rpartition(":")
        try:
            there = await (asyncio.open_unix_connection(where) if kind == "unix" else asyncio.open_connection(host, int(port)))
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    kind, _, where = listen.partition(":")
    if kind == "unix":
        server = await asyncio.start_unix_server(passed, where + ".new")
        # It is there once it listens.
        os.rename(where + ".new", where)
    else:
        host, _, port = where.rpartition(":")
        server = await asyncio.start_server(passed, host, int(port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(relay(*sys.argv[1:3]))
