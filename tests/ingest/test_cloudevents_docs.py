"""Every line to paste in docs/sources/cloudevents.md does what the page says."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from apps.ingest.doorways import HTTP
from tests.ingest.conftest import Eventfeed

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sources" / "cloudevents.md").read_text()
HERE = "http://127.0.0.1:8200"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
CURLS = [text for language, text in BLOCKS if language == "sh" and text.startswith("curl")]
PYTHON = [text for language, text in BLOCKS if language == "python"]
ADDRESSES = re.findall(r"https?://eventfeed\.example[^\s\"]*", PAGE)


def stored(eventfeed: Eventfeed) -> int:
    (row,) = eventfeed.query("SELECT count(*) FROM event WHERE system = 'cloudevents'")
    return row[0]


@pytest.mark.parametrize("lines", CURLS)
def test_the_lines_for_curl_send_events(eventfeed: Eventfeed, lines: str) -> None:
    before = stored(eventfeed)
    here = lines.replace(HERE, f"http://127.0.0.1:{eventfeed.port}")
    answer = subprocess.run(["bash", "-c", here], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("HTTP/1.1 204")
    assert stored(eventfeed) == before + lines.count("specversion")


@pytest.mark.parametrize("lines", PYTHON)
def test_the_lines_for_python_send_an_event(eventfeed: Eventfeed, lines: str) -> None:
    before = stored(eventfeed)
    here = lines.replace(HERE, f"http://127.0.0.1:{eventfeed.port}")
    subprocess.run([sys.executable, "-c", here], check=True)
    assert stored(eventfeed) == before + 1


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_leads_to_the_door(address: str) -> None:
    assert ("POST", httpx.URL(address).path) in HTTP
    assert httpx.URL(address).params["access_token"] == "<token>"


def test_the_page_has_lines_of_each_sort() -> None:
    assert (len(CURLS), len(PYTHON), len(ADDRESSES)) == (3, 1, 3)


def test_a_message_can_be_read_without_storing_it(tmp_path: Path) -> None:
    (lines,) = [text for language, text in BLOCKS if "manage.py read" in text]
    order = re.search(r"-d '(.*?)'", CURLS[0], re.DOTALL)
    tmp_path.joinpath("order.json").write_text(order[1])
    here = lines.replace("order.json", str(tmp_path / "order.json"))
    here = here.replace("python ", f"{sys.executable} ")
    told = subprocess.run(
        ["bash", "-c", here], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert '"event": "com.acme.order.paid"' in told.stdout
