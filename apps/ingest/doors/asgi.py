"""The shapes of an ASGI application, with the messages of eventfeed/server.py among them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Message = dict[str, Any]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
