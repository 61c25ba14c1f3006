"""From an empty page to an event in the feed, by hand: a real server, a real browser."""

import hashlib
import hmac
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from apps.ingest.hooks.ready import READY
from tests.feed.conftest import ARGUMENTS, CHROMIUM
from tests.ingest.conftest import Eventfeed

expect.set_options(timeout=30_000)


@pytest.fixture
def page(eventfeed: Eventfeed) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(base_url=f"http://127.0.0.1:{eventfeed.port}")
        page = context.new_page()
        mistakes: list[str] = []
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        yield page
        browser.close()
    assert not mistakes


def test_a_webhook_is_made_from_the_template_of_github(eventfeed: Eventfeed, page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Webhooks").click()
    page.get_by_role("link", name="New webhook").first.click()
    page.get_by_role("link", name="GitHub").click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Nightly build #412")

    name = f"GitHub {eventfeed.corner}"
    page.get_by_label("Name").fill(name)
    body = READY["github"].sample.replace("acme/shop-data", f"acme/{eventfeed.corner}")
    page.get_by_label("Body").fill(body.replace("Nightly", "Hourly"))
    expect(preview).to_contain_text("Hourly build #412")
    expect(preview).to_contain_text(f"acme/{eventfeed.corner}")

    secret = page.get_by_label("Secret").input_value()
    page.get_by_role("button", name="Make this webhook").click()
    address = page.locator(".about-hook code").first.inner_text()

    signature = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    headers = {
        **READY["github"].headers,
        "X-GitHub-Delivery": eventfeed.corner,
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    for known in (0, 1):
        answer = httpx.post(address, content=body, headers=headers, timeout=60)
        assert answer.json() == {"stored": 1 - known, "known": known}

    page.get_by_role("link", name="Its events").click()
    row = page.locator(".row", has_text=eventfeed.corner)
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Nightly build #412")
    expect(row).to_contain_text("Load orders before customers")


def test_what_a_signature_needs_is_asked_for_only_then(page: Page) -> None:
    page.goto("/hooks/new?from=dynamic")
    secret, header = page.get_by_label("Secret"), page.get_by_label("Signature header")
    expect(secret).to_be_hidden()
    expect(header).to_be_hidden()
    page.get_by_label("Signature", exact=True).select_option("hmac")
    expect(secret).to_be_visible()
    expect(header).to_be_visible()


def test_a_mistake_in_a_template_is_said_while_it_is_written(page: Page) -> None:
    page.goto("/hooks/new?from=dynamic")
    template = page.get_by_label("Template")
    template.fill("{{ body.nothing }}")
    expect(page.locator("#preview")).to_contain_text("There is no “nothing” here")
    template.fill(READY["dynamic"].template)
    expect(page.locator("#preview")).to_contain_text("Recommendations")


def test_the_preview_needs_no_script(eventfeed: Eventfeed, page: Page) -> None:
    context = page.context.browser.new_context(
        java_script_enabled=False, base_url=f"http://127.0.0.1:{eventfeed.port}"
    )
    plain = context.new_page()
    plain.goto("/hooks/new?from=dynamic")
    plain.get_by_label("Body").fill('{"model": "by-hand"}')
    plain.get_by_role("button", name="Preview").click()
    expect(plain.locator("#preview")).to_contain_text("product.models.by-hand")
    expect(plain.get_by_label("Body")).to_have_value('{"model": "by-hand"}')
    context.close()
