"""HTTP requests: no redirects, no more read than is kept, nothing that lasts."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from apps.automations.doing.sending.guard import going
from apps.automations.doing.sending.signing import signature
from apps.automations.doing.sending.told import Answer, Call

# 408, 425 and 429 ask to come again; every other 4xx says that this request will never do.
AGAIN = frozenset({408, 425, 429})
AGENT = "Eventfeed"


async def call(asked: Call, client: httpx.AsyncClient) -> Answer:
    """Make a request and say what came of it."""
    with going(private=asked.private) as way:
        try:
            async with asyncio.timeout(asked.longest):
                return await _answered(asked, client)
        except TimeoutError:
            return Answer(error=f"It did not answer within {asked.longest:.2g} s.", again=True)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
            return Answer(error=f"It is no address that can be called: {_say(error)}")
        except (httpx.HTTPError, OSError) as error:
            if way.refused:
                return Answer(error=refused(way.refused))
            return Answer(error=f"It could not be reached: {_say(error)}", again=True)


async def _answered(asked: Call, client: httpx.AsyncClient) -> Answer:
    # Unpacked by nobody: a small answer may hold a very large one.
    plain = {"accept-encoding": "identity"}
    headers = {"user-agent": AGENT} | asked.headers | plain | _signed(asked)
    request = client.build_request(asked.method, asked.url, headers=headers, content=asked.body)
    # A cookie of one receiver is nothing for the next.
    client.cookies.clear()
    # By itself it would put the user and password of an address in place of what is said.
    auth = httpx.Auth() if "authorization" in request.headers else httpx.USE_CLIENT_DEFAULT
    response = await client.send(request, stream=True, auth=auth)
    try:
        return _told(response, await _read(response, asked.most))
    finally:
        await response.aclose()


async def _read(response: httpx.Response, most: int) -> bytes:
    read = bytearray()
    async for part in response.aiter_raw(8_192):
        read += part
        if len(read) >= most:
            break
    return bytes(read[:most])


def _told(response: httpx.Response, body: bytes) -> Answer:
    status = response.status_code
    told = Answer(status=status, response=body, after=_after(response.headers))
    if response.is_success:
        return told
    told.again = status >= 500 or status in AGAIN
    told.error = f"It answered {status} {response.reason_phrase}".rstrip() + "."
    if response.is_redirect:
        told.location = response.headers.get("location", "")[:500]
        told.error = f"It answered {status}, a redirect, and those are not followed."
    return told


def _signed(asked: Call) -> dict[str, str]:
    if not asked.signed:
        return {}
    now = int(time.time())
    headers = {"webhook-id": asked.signed.id, "webhook-timestamp": str(now)}
    if asked.signed.secret:
        by = signature(asked.signed.secret, asked.signed.id, now, asked.body)
        headers["webhook-signature"] = by
    return headers


def _after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After, seconds or a date."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        return max((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def refused(addresses: list[str]) -> str:
    return (
        f"{addresses[0]} is not an address of the open internet. Allow it for the destination,"
        " or name its host in EVENTFEED_ALLOWED_DESTINATIONS."
    )


def _say(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
