"""Where links in what is sent lead is known, or is asked for."""

import pytest

from tests.feed.automations.test_pages import get

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_log")]
PAGES = ("/automations/destinations", "/automations/new")


@pytest.fixture(autouse=True)
def local(settings):
    settings.LOCAL_MODE = True


@pytest.mark.parametrize("path", PAGES)
def test_an_address_that_nobody_has_said_is_asked_for(path, client, settings):
    settings.EVENTFEED_ADDRESS = ""
    assert "EVENTFEED_ADDRESS=http://127.0.0.1" in get(client, path)


@pytest.mark.parametrize("path", PAGES)
def test_a_known_address_is_not_asked_for(path, client, settings):
    settings.EVENTFEED_ADDRESS = "https://events.example.com"
    assert "EVENTFEED_ADDRESS" not in get(client, path)
