"""An application that takes a socket's messages only when it is told to, over our server."""

import asyncio
import json
from typing import Any

from eventfeed.server import MIB, Server, listen

seen: list[str] = []
sent = 0
may_go_on = asyncio.Event()


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await SOCKETS[scope["path"]](receive, send)
    elif scope["path"] == "/headers":
        await answer(send, {key.decode(): value.decode() for key, value in scope["headers"]})
    else:
        await ROUTES[scope["path"]](receive, send)


async def acknowledging(receive: Any, send: Any) -> None:
    """Answer nothing before what came in front of it has been "stored"."""
    await receive()
    await send({"type": "websocket.accept", "acknowledge": True})
    while (message := await receive())["type"] != "websocket.disconnect":
        match message["type"]:
            case "websocket.receive":
                seen.append(f"{len(message.get('text') or message['bytes'])}")
                await may_go_on.wait()
            case "eventfeed.ping":
                await send({"type": "eventfeed.pong", "data": message["data"]})
            case "eventfeed.closing":
                seen.append(f"closing {message['code']} {message['reason']}")
                await send({"type": "websocket.close", "code": 1000})
    seen.append("disconnected")


async def stock(receive: Any, send: Any) -> None:
    """Take nothing at all, and leave pings and closing to the server."""
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        await may_go_on.wait()


async def talking(receive: Any, send: Any) -> None:
    """Send as much as the other side takes."""
    global sent
    await receive()
    await send({"type": "websocket.accept"})
    for _ in range(2_000):
        await send({"type": "websocket.send", "bytes": bytes(64 * 1024)})
        sent += 64 * 1024
        await asyncio.sleep(0)
    await receive()


async def waiting(receive: Any, send: Any) -> None:
    """Send a few messages to whoever takes its time."""
    await receive()
    await send({"type": "websocket.accept", "patient": True})
    for _ in range(50):
        await send({"type": "websocket.send", "bytes": bytes(100)})
    await receive()


async def refusing(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 1008, "reason": "é" * 100})


async def leaving(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})


async def failing(receive: Any, send: Any) -> None:
    await leaving(receive, send)
    raise RuntimeError("on purpose")


async def post(receive: Any, send: Any) -> None:
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if not message["more_body"]:
            break
    seen.append(f"body {size}")
    await answer(send, {"size": size})


async def streaming(receive: Any, send: Any) -> None:
    """Answer in parts, as much as the client takes."""
    global sent
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1_000):
        await send({"type": "http.response.body", "body": bytes(64 * 1024), "more_body": True})
        sent += 64 * 1024
    await send({"type": "http.response.body", "body": b""})


async def unfinished(receive: Any, send: Any) -> None:
    """Begin an answer and leave."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})


async def state(receive: Any, send: Any) -> None:
    await answer(send, {"seen": seen, "sent": sent})


async def release(receive: Any, send: Any) -> None:
    may_go_on.set()
    await answer(send, {})


async def answer(send: Any, content: dict[str, Any]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


async def flush() -> None:
    print("flushed", flush=True)


SOCKETS = {
    "/acknowledging": acknowledging,
    "/stock": stock,
    "/talking": talking,
    "/waiting": waiting,
    "/refusing": refusing,
    "/leaving": leaving,
    "/failing": failing,
}
ROUTES = {
    "/post": post,
    "/state": state,
    "/release": release,
    "/streaming": streaming,
    "/unfinished": unfinished,
}

if __name__ == "__main__":
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    server = Server(
        application,
        sockets=[listening],
        most_body=MIB,
        most_in_flight=3 * MIB,
        on_ready=lambda: print(port, flush=True),
        on_finish=flush,
    )
    server.ping_interval, server.ping_timeout = 0.2, 0.5
    server.run()
