"""The page needs nothing else, is small, and shows text as text."""

import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sim.report import figures, sections
from sim.report.page import page
from sim.rules.errors import ConfigError
from tests.report.made import HOSTILE, hostile
from tests.view.flown import flown


class Reader(HTMLParser):
    """Tags with their attributes, and the text of what has an id or is a script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, _: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data + "\n"


@cache
def told(which: str = "flown") -> str:
    return page(flown() if which == "flown" else hostile())


def data(text: str) -> dict[str, Any]:
    return dict(json.loads(Reader(text).scripts[0]))


@pytest.mark.parametrize("which", ["flown", "hostile"])
def test_a_page_names_no_other_file_and_is_small(which: str) -> None:
    text = told(which)
    targets = [value for _, attributes in Reader(text).tags for name, value in attributes.items()
               if name in ("src", "href", "action", "data", "poster", "srcset") and value]  # fmt: skip
    assert targets
    assert [target for target in targets if not target.startswith(("#", "data:"))] == []
    assert re.findall(r"url\(|@import|<link rel=.stylesheet", text) == []
    assert "default-src 'none'" in text
    assert len(text.encode()) < 3_000_000


def test_hostile_text_is_text_everywhere() -> None:
    read, calm = Reader(told("hostile")), Reader(told())
    assert len(read.scripts) == len(calm.scripts) == 2
    assert [tag for tag, attributes in read.tags if any(name.startswith("on") for name in attributes)] == []
    assert {"img"} >= {tag for tag, attributes in read.tags if "src" in attributes}
    assert read.text.count(HOSTILE) >= 8
    assert data(told("hostile"))["groups"][0]["id"] == HOSTILE
    assert "<script>document" not in told("hostile")


def test_a_claim_that_does_not_hold_is_told_as_such() -> None:
    text = Reader(told("hostile")).text
    assert text.count("Holds.") == 1
    assert text.count("Does not hold.") == 1
    assert "claims nothing" in Reader(told()).text


def test_the_story_has_at_most_ten_sentences_and_their_numbers_are_the_runs() -> None:
    story = sections.story(flown())
    assert 3 <= story.count("<li>") <= 10
    assert f"all {flown().verdict.acknowledged:,} acknowledged records" in story


def test_of_many_facts_of_a_kind_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "MOST_OF_A_KIND", 3)
    text = sections.timeline(flown())
    commits = sum(type(fact).__name__ == "OffsetsCommitted" for _, fact in flown().facts)
    assert text.count("<td>OffsetsCommitted</td>") == 3
    assert f"OffsetsCommitted: 3 of {commits:,}" in text


def test_records_that_went_wrong_are_listed_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    run = hostile()
    monkeypatch.setattr(sections, "MOST_RECORDS", 2)
    fate = sections.RecordFate("orders-0", "<b>p", 7, HOSTILE, 1.0, None, "nobody knows")
    monkeypatch.setattr(run.verdict, "lost", [fate] * 5)
    text = sections.verdict(run)
    assert text.count("nobody knows") == 2
    assert "And 3 more" in text
    assert "<b>p" not in text


def test_a_picture_without_room_is_named_instead() -> None:
    whole, text = figures.figures(flown(), 3_000_000), figures.figures(flown(), 60_000)
    assert whole.count("<img") == len(figures.FIGURES)
    assert text.count("<img") < text.count("<figcaption>") == len(figures.FIGURES)
    assert "Too large" in text


def test_a_run_writes_its_report_whole_or_not_at_all(tmp_path: Path) -> None:
    text = flown().report(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    with pytest.raises(ConfigError, match="name a file in a folder that is there"):
        flown().report(tmp_path / "nowhere" / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
