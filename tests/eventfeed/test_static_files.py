import httpx
import pytest
from django.templatetags.static import static

from eventfeed.static_files import StaticFiles

SCRIPT = "admin/js/core.js"


async def passed_on(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def browser() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=StaticFiles(passed_on))
    return httpx.AsyncClient(transport=transport, base_url="http://feed")


async def test_an_address_with_its_version_is_kept_for_good(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(static(SCRIPT))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.text


async def test_an_address_without_one_is_asked_for_again_but_not_sent_again(
    browser: httpx.AsyncClient,
) -> None:
    first = await browser.get(f"/static/{SCRIPT}")
    assert first.headers["Cache-Control"] == "no-cache"
    again = await browser.get(f"/static/{SCRIPT}", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize(
    "path",
    ["nothing.css", "admin", "../manage.py", "admin/../../eventfeed/settings.py", "%2e%2e/x", ""],
)
async def test_what_is_no_file_of_ours_is_not_found(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(f"/static/{path}")).status_code in (404, 418)


async def test_everything_else_is_passed_on(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/events")).status_code == 418


async def test_files_are_only_read(browser: httpx.AsyncClient) -> None:
    assert (await browser.post(f"/static/{SCRIPT}")).status_code == 405
