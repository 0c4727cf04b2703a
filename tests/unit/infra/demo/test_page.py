from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from infra.demo.page import counts, page_of
from infra.demo.report import Report
from tests.unit.infra.demo.made_up import report, turn

VOID = frozenset({"meta", "link", "br", "img", "hr"})
EVIL = '<script>alert("1")</script> & co'


class Reader(HTMLParser):
    """Reads as a browser does, but forgives nothing."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.linked: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def _seen(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id" and value:
                self.ids[value] += 1
            if name in ("src", "href", "xlink:href") and value:
                self.linked.append(value)


def pictures(page: str) -> list[str]:
    return [f"<svg{part.partition('</svg>')[0]}</svg>" for part in page.split("<svg")[1:]]


def with_text(text: str) -> Report:
    """A report in which everything that is text says this."""
    whole = report()
    turns = [one.model_copy(update={"cause": text, "metric": text}) for one in whole.turns]
    return whole.model_copy(
        update={
            "turns": turns,
            "refused": whole.refused.model_copy(update={"reasons": [text]}),
            "rolled_back": whole.rolled_back.model_copy(update={"reason": text}),
            "labels_saved": whole.labels_saved.model_copy(update={"verdict": text}),
            "rejected": {text: 1},
        }
    )


def test_a_page_is_html_with_both_plots_and_needs_nothing_from_elsewhere() -> None:
    page = page_of(report())
    assert page.startswith("<!doctype html>")
    read = Reader(page)
    assert (read.tags["svg"], read.tags["table"], read.tags["script"], read.tags["link"]) == (2, 1, 0, 0)
    assert all(target.startswith("#") for target in read.linked)
    for picture in pictures(page):
        ElementTree.fromstring(picture)


def test_every_id_of_a_page_is_there_once_and_every_reference_leads_somewhere() -> None:
    read = Reader(page_of(report()))
    assert [name for name, count in read.ids.items() if count > 1] == []
    assert {target.removeprefix("#") for target in read.linked} <= read.ids.keys()


def test_the_same_report_makes_the_same_page() -> None:
    assert page_of(report()) == page_of(report())


def test_a_page_says_what_the_report_says() -> None:
    text = Reader(page_of(report())).text
    for said in ("2 turns of the wheel", "1000 searches", "refused", "12.5 s as generation 3", "clicks fell"):
        assert said in text
    for cell in ("precision at 10, 80 items", "0.200", "0.350", "+0.100 to +0.200", "40 active, 10 random"):
        assert cell in text


@pytest.mark.parametrize("evil", [EVIL, "--> $x", "a\nb"])
def test_text_of_a_report_stays_text(evil: str) -> None:
    page = page_of(with_text(evil))
    read = Reader(page)
    assert read.tags["script"] == 0
    assert read.text.count(evil.strip()) >= 5
    for picture in pictures(page):
        ElementTree.fromstring(picture)


@pytest.mark.parametrize("turns", [1, 5])
def test_however_often_the_wheel_turned_there_is_a_page(turns: int) -> None:
    page = page_of(report().model_copy(update={"turns": [turn(number) for number in range(1, turns + 1)]}))
    assert Reader(page).tags["svg"] == 2


def test_counts_are_words() -> None:
    assert (counts({"text": 3, "image": 4}), counts({})) == ("4 image, 3 text", "none")
