"""One page at one path, whether it ends in a slash or not, and never by a redirect.

A redirect of a POST silently loses events in the Python and Java clients.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import is_valid_path


class EitherSlash:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_valid_path(request.path_info):
            path = request.path_info
            other = path.rstrip("/") if path.endswith("/") else f"{path}/"
            if is_valid_path(other):
                request.path_info = request.path = other
        return self.get_response(request)
