from pathlib import PurePath

import pytest

from schemas.items import Modality
from streams.publishing.sources.kinds import media_type_of, modality_of, table_stem, table_suffix


@pytest.mark.parametrize(
    ("name", "suffix", "stem"),
    [
        ("a.csv", ".csv", "a"),
        ("a.CSV.gz", ".csv", "a"),
        ("a.b.jsonl", ".jsonl", "a.b"),
        ("a.gz", None, "a"),
        ("a.tar.gz", None, "a"),
        ("csv", None, "csv"),
    ],
)
def test_tables_are_known_by_their_extension(name: str, suffix: str | None, stem: str) -> None:
    assert (table_suffix(PurePath(name)), table_stem(PurePath(name))) == (suffix, stem)


def test_an_unknown_extension_declares_nothing() -> None:
    assert modality_of(media_type_of(PurePath("a.xyz"))) is None


def test_case_does_not_matter() -> None:
    assert modality_of(media_type_of(PurePath("A.FLAC"))) is Modality.AUDIO
