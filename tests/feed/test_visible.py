"""Characters that nobody sees are drawn, wherever a sender's text stands."""

import pytest

from apps.events.models import Event
from apps.feed.rows import render_row
from apps.feed.visible import visible
from tests.feed.watching import draft, store

RTL = "\u202e"
SIGN = f'<bdi class="sign" data-code="U+202E" title="U+202E right-to-left override">{RTL}</bdi>'


@pytest.mark.parametrize(
    ("html", "drawn"),
    [
        (f"<p>rv.{RTL}gnp.exe</p>", f"<p>rv.{SIGN}gnp.exe</p>"),
        (f"{RTL}a", f"{SIGN}a"),
        (
            "a\x1bb",
            'a<bdi class="sign" data-code="U+001B" title="U+001B control character">\x1b</bdi>b',
        ),
        (f'<a title="a>{RTL}" href="/?q=a">b</a>', '<a title="a>\ufffd" href="/?q=a">b</a>'),
        (f"<svg><title data-said='x'>{RTL}</title></svg>", None),
        ("<p>a\tb\nשלום, کتاب‌ها 👩‍💻</p>", "<p>a\tb\nשלום, کتاب‌ها 👩‍💻</p>"),
    ],
)
def test_what_hides_is_drawn_in_text_and_replaced_in_titles(html: str, drawn: str | None):
    assert visible(html) == (drawn or html.replace(RTL, "\ufffd"))


@pytest.mark.parametrize(
    "html",
    [
        f'<input value="{RTL}">',
        f"<textarea>{RTL}</textarea>",
        f"<option>{RTL}</option>",
        f"<script>{RTL}</script>",
        f'<event-feed data-query="{RTL}">',
    ],
)
def test_what_is_sent_back_stays_as_it_is(html: str):
    assert visible(html) == html


def test_what_is_drawn_is_not_drawn_again():
    once = visible(f"<p>{RTL}\n</p>")
    assert visible(once) == once


@pytest.mark.django_db(transaction=True)
def test_it_is_drawn_live_and_in_every_page(client, settings):
    settings.LOCAL_MODE = True
    [id] = store(
        draft(
            f"rv.rtl{RTL}gnp.exe",
            resource={"prefect.resource.id": f"a{RTL}b", f"k{RTL}": f"v{RTL}"},
            payload={f"p{RTL}": f"q{RTL}"},
        )
    )
    assert f"rv.rtl{SIGN}gnp.exe" in render_row(Event.objects.get(id=id))
    for path in (
        "/?q=",
        f"/events/{id}",
        f"/events/{id}/drawer",
        "/facets?part=1",
        "/histogram?by=event&part=1",
        f"/?q=event:rv.rtl{RTL}gnp.exe",
        f"/?q=evnt:{RTL}",
    ):
        html = client.get(path).content.decode()
        texts = html.replace(SIGN, "")
        assert SIGN in html, path
        assert f">{RTL}" not in texts, path
        assert f"rtl{RTL}gnp.exe<" not in texts, path
