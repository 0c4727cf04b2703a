from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.annotations import Arm
from schemas.items import MediaRef, Modality
from streams.errors import BadRecord
from tests.unit.trainers.snapshots.frozen import digest, label, manifest, row
from trainers.snapshots.manifest import Manifest, decoded
from trainers.snapshots.rows import Row, Split, TaskFacts

WORDS = st.text(max_size=8)
LABELS = st.lists(
    st.builds(
        label,
        WORDS,
        task=st.text(min_size=1, max_size=4),
        arm=st.sampled_from(Arm),
        revision=st.integers(0, 2**52),
    ),
    max_size=3,
).map(tuple)
ROWS = st.lists(
    st.builds(
        row,
        item_id=st.text(min_size=1, max_size=6),
        content=WORDS,
        tenant=st.sampled_from(["red", "blue"]),
        modality=st.sampled_from(Modality),
        text=st.none() | WORDS,
        media=st.none() | st.just(MediaRef(uri="media/é", sha256=digest("é"), length=3, media_type="image/png")),
        labels=LABELS,
        licence=st.none() | WORDS,
        source=WORDS,
        split=st.sampled_from(Split),
        group=st.integers(0, 9),
    ),
    max_size=6,
    unique_by=lambda one: one.key,
)
ONE = row("a", labels=(label("arts"),))


@given(ROWS)
def test_a_manifest_comes_back_from_its_bytes(rows: list[Row]) -> None:
    written = manifest(*rows)
    read = decoded(written.encoded())
    assert read == written
    assert read.sha256 == written.sha256


def test_its_name_is_the_digest_of_its_bytes() -> None:
    written = manifest(ONE)
    assert written.sha256 == digest(written.encoded().decode())


def test_its_bytes_are_a_promise() -> None:
    assert manifest(ONE).encoded().decode().splitlines() == [
        '{"format":1,"items":1,"live_version":"m-0","project_id":"default","tasks":[{"kind":"class",'
        '"labels":["arts","news","sport"],"name":"topic","prompt":"a photo of a {label}","tenant":"default"}]}',
        '{"content_sha256":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","group":0,'
        '"item_id":"a","labels":[{"arm":"active","labels":["arts"],"revision":0,"task":"topic","trust":1.0}],'
        '"language":null,"licence":null,"media":null,"modality":"image","source":"","split":"train",'
        '"tenant":"default","text":"a caption","version":1}',
    ]


@pytest.mark.parametrize(
    "other",
    [
        replace(ONE, labels=(label("news"),)),
        replace(ONE, labels=(label("arts", revision=1),)),
        replace(ONE, labels=()),
        replace(ONE, version=2),
        replace(ONE, content_sha256=digest("other")),
        replace(ONE, split=Split.EVALUATION),
        replace(ONE, licence="CC0"),
    ],
)
def test_whatever_changes_in_an_item_changes_the_name(other: Row) -> None:
    assert manifest(other).sha256 != manifest(ONE).sha256


def test_the_tasks_and_the_live_model_belong_to_the_name() -> None:
    task = TaskFacts("topic", "default", "class")
    names = {
        Manifest.of(project, live, tasks, [ONE]).sha256
        for project, live, tasks in (("p", "m", [task]), ("q", "m", [task]), ("p", "n", [task]), ("p", "m", []))
    }
    assert len(names) == 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}\n",
        b"[]\n",
        b"\xff\n",
        manifest(ONE).encoded()[:-40],
        manifest(ONE).encoded().replace(b'"items":1', b'"items":2'),
        manifest(ONE).encoded().replace(b'"image"', b'"smell"'),
    ],
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(BadRecord, match="bad_manifest"):
        decoded(content)


def test_a_manifest_of_newer_code_is_refused_by_its_format() -> None:
    with pytest.raises(BadRecord, match="format 2"):
        decoded(manifest(ONE).encoded().replace(b'"format":1', b'"format":2'))
