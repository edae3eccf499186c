# Part of socketio-server, MIT licence; see LICENSE.
"""The application of the load generator on python-socketio: `peer.py PORT` prints `listening PORT` and serves."""

import asyncio
import sys

import socketio
from aiohttp import web

server = socketio.AsyncServer(async_mode="aiohttp")


@server.event
async def connect(sid, environ):
    pass


@server.on("echo")
async def echo(sid, *arguments):
    return arguments


@server.on("join")
async def join(sid, room):
    await server.enter_room(sid, room)


@server.on("leave")
async def leave(sid, room):
    await server.leave_room(sid, room)


@server.on("msg")
async def message(sid, room, payload):
    await server.emit("msg", payload, to=room)


async def main():
    application = web.Application()
    server.attach(application)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1])).start()
    print("listening", sys.argv[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
