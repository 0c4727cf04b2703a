"""What `millrace search` prints, and what it says when there is nothing to print."""

from typing import Any

import pytest

from infra.cli.search import show, table_of


def result(position: int = 1, **others: Any) -> dict[str, Any]:
    found = {"id": "a", "version": 7, "position": position, "score": 0.5, "modality": "text", "uri": None, "text": "x"}
    return found | others


def answer(*results: dict[str, Any]) -> dict[str, Any]:
    about = {"model_version": "mini-1", "generation": 0, "policy": "hybrid-rrf", "impression_id": "i"}
    return {"results": list(results), **about}


def test_a_result_is_a_row_in_the_order_of_ranks() -> None:
    names, rows = table_of(answer(result(1, id="a"), result(2, id="b")), with_versions=False)
    assert names == ["rank", "score", "id", "modality", "excerpt"]
    assert rows == [["1", "0.5000", "a", "text", "x"], ["2", "0.5000", "b", "text", "x"]]


def test_versions_are_shown_if_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    show(answer(result()), with_versions=True)
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["rank\tscore\tid\tmodality\tversion\texcerpt", "1\t0.5000\ta\ttext\t7\tx"]
    assert printed.err == "model mini-1, generation 0, policy hybrid-rrf, impression i\n"


def test_a_picture_without_words_shows_where_it_lies() -> None:
    _, [row] = table_of(answer(result(modality="image", text=None, uri="media/ab/cd")), with_versions=False)
    assert row[-1] == "media/ab/cd"


def test_an_excerpt_is_one_line_of_bounded_length() -> None:
    _, [row] = table_of(answer(result(text="many\n\n words\t" * 50)), with_versions=False)
    assert len(row[-1]) == 100
    assert row[-1].startswith("many words many words")


def test_nothing_in_an_item_can_steer_the_terminal() -> None:
    _, [row] = table_of(answer(result(id="a\x1b[2J", text="red \x1b[31m\u202e")), with_versions=False)
    assert all(cell.isprintable() for cell in row)


def test_no_results_are_said_on_the_other_channel(capsys: pytest.CaptureFixture[str]) -> None:
    show(answer(), with_versions=False)
    assert capsys.readouterr() == ("", "nothing found\n")
