"""What can be checked about the look without a browser."""

import re
from pathlib import Path

import pytest

from apps.events.words import icons
from apps.query.outcomes import OUTCOMES

ROOT = Path(__file__).parents[2]
TOKEN = re.compile(r"--(\w[\w-]*): light-dark\((#\w{6}), (#\w{6})\);")
GROUNDS = ("ground", "panel", "raised", "hover", "chosen")
INKS = ("ink", "soft", "accent", "failed", "completed", "running", "waiting", "information")


def palette(place: int) -> dict[str, str]:
    css = (ROOT / "static/css/eventfeed.css").read_text()
    return {name: colours[place] for name, *colours in TOKEN.findall(css)}


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


PALETTES = pytest.mark.parametrize("colours", [palette(0), palette(1)], ids=["light", "dark"])


@PALETTES
@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_can_be_read_on_every_ground(colours, ink, ground):
    assert contrast(colours[ink], colours[ground]) >= 4.5


@PALETTES
def test_words_can_be_read_on_stripes_and_accent(colours):
    assert contrast(colours["waiting"], colours["stripe"]) >= 4.5
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5


@PALETTES
def test_fields_stand_out_from_what_is_around_them(colours):
    assert contrast(colours["edge"], colours["raised"]) >= 3


def symbols() -> set[str]:
    return set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "templates/_sprite.html").read_text()))


def test_every_icon_and_outcome_is_drawn():
    assert icons() <= symbols()
    assert {f"outcome-{word}" for word in OUTCOMES} <= symbols()


def test_no_page_carries_script_or_style_of_its_own():
    for template in (ROOT / "templates").rglob("*.html"):
        text = template.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text), template


def test_the_docs_tell_every_key():
    script = (ROOT / "static/js/keys.js").read_text()
    table = re.search(r"const KEYS = \{(.*?)\n\};", script, re.S)[1]
    keys = re.findall(r'^  "?([^\s":]+)"?: \[', table, re.M)
    told = (ROOT / "docs/feed.md").read_text().split("## Columns")[0]
    assert {"j", "/", "?", "Escape"} <= set(keys)
    assert [key for key in keys if f"`{key.replace('Escape', 'Esc')}`" not in told] == []
