"""Django's pages, each drawn whole in the thread of its request.

Django's own handler for ASGI draws the pages of errors (404, 403) in a thread of nobody's. What
they read, a session or the pinned views, leaves there a connection that nobody gives back to the
pool: after an outage it is dead, and each such page a 503 for good.
"""

from typing import Any

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler


class Pages(ASGIHandler):
    _middleware_chain: Any

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        self._middleware_chain = sync_to_async(self._middleware_chain, thread_sensitive=True)


def set_up() -> Pages:
    """Set Django up, as `get_asgi_application` does, and return its pages."""
    django.setup(set_prefix=False)
    return Pages()
