"""What scoring's tables must do in any database. Subclasses provide the fixture `engine`."""

from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import Engine

from consumers.scoring.candidates.store import Candidate, CandidateStore, Signal, Told
from consumers.scoring.generations import Live, go_over
from consumers.scoring.learning.head_store import HeadStore, StoredHead
from consumers.scoring.learning.questions import Question
from models.heads.linear import Head
from schemas.annotations import Shown
from schemas.items import MediaRef, Modality

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
DOG = Candidate(
    "t",
    "dog",
    3,
    UUID(int=7),
    TRACE,
    Shown(
        modality=Modality.IMAGE,
        source="zoo",
        language="en",
        text="a dog – 狗",
        media=MediaRef(uri="media/ab", sha256="a" * 64, length=1, media_type="image/png"),
    ),
    (("cat", 0.25), ("é/1", 1.0)),
    {"topic": Told(7, 0.5, 0.25)},
)


class CandidateStoreContract:
    @pytest.fixture
    def store(self, engine: Engine) -> CandidateStore:
        store = CandidateStore(engine, "model-1")
        store.create_tables()
        return store

    def test_what_was_put_is_found(self, store: CandidateStore) -> None:
        store.put([DOG])
        assert store.find("t", ["dog", "never"]) == {"dog": DOG}
        assert store.find("other", ["dog"]) == {}

    def test_another_model_version_has_candidates_of_its_own(self, store: CandidateStore, engine: Engine) -> None:
        store.put([DOG])
        assert CandidateStore(engine, "model-2").find("t", ["dog"]) == {}

    def test_a_newer_version_replaces_the_older_and_never_the_other_way_round(self, store: CandidateStore) -> None:
        store.put([DOG])
        store.put([replace(DOG, version=5, neighbours=())])
        store.put([replace(DOG, version=4)])
        assert store.find("t", ["dog"])["dog"].version == 5

    def test_a_withdrawal_takes_versions_up_to_its_own(self, store: CandidateStore) -> None:
        store.put([DOG])
        store.remove([("t", "dog", 2), ("other", "dog", 9)])
        assert "dog" in store.find("t", ["dog"])
        store.remove([("t", "dog", 3)])
        assert store.find("t", ["dog"]) == {}

    def test_the_latest_signal_counts_and_outlives_new_versions(self, store: CandidateStore) -> None:
        store.put([DOG])
        for late in (Signal(0.5, 100, 2), Signal(0.1, 100, 1), Signal(0.2, 90, 9)):
            store.measured([("t", "dog", late), ("t", "never", late)])
        store.put([replace(DOG, version=4)])
        assert store.find("t", ["dog"])["dog"].signal == Signal(0.5, 100, 2)
        store.measured([("t", "dog", Signal(0.7, 100, 3))])
        assert store.find("t", ["dog"])["dog"].signal == Signal(0.7, 100, 3)

    def test_many_are_put_and_found_at_once(self, store: CandidateStore) -> None:
        store.put([replace(DOG, item_id=f"dog-{n}") for n in range(1_200)])
        assert len(store.find("t", [f"dog-{n}" for n in range(1_300)])) == 1_200


class HeadStoreContract:
    @pytest.fixture
    def store(self, engine: Engine) -> HeadStore:
        store = HeadStore(engine, kept=2)
        store.create_tables()
        return store

    def test_before_the_first_there_is_none(self, store: HeadStore) -> None:
        assert store.latest("t", "topic", "model-1") is None

    def test_a_head_comes_back_as_it_was(self, store: HeadStore) -> None:
        store.put(stored(12))
        found = store.latest("t", "topic", "model-1")
        assert found is not None
        assert (found.revision, found.labels, found.change, found.gate) == (12, 12, 20, -0.5)
        [plain, about] = found.questions
        assert (plain.label, about.label, len(plain.ensemble), len(about.ensemble)) == (None, "é", 3, 0)
        np.testing.assert_array_equal(plain.head.weights, head(1.0).weights)
        assert plain.head.temperature == 0.4

    def test_the_highest_revision_is_in_force_and_few_are_kept(self, store: HeadStore, engine: Engine) -> None:
        for revision in (9, 10, 30):
            store.put(stored(revision))
        assert store.latest("t", "topic", "model-1").revision == 30  # type: ignore[union-attr]
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM heads").scalar() == 2

    def test_a_revision_that_is_kept_again_replaces_itself(self, store: HeadStore) -> None:
        store.put(stored(9))
        store.put(replace(stored(9), gate=0.5))
        assert store.latest("t", "topic", "model-1").gate == 0.5  # type: ignore[union-attr]


def head(value: float) -> Head:
    return Head(("a", "b"), np.full((2, 3), value), np.zeros(2), np.ones(3), 2.0, 0.4)


def stored(revision: int) -> StoredHead:
    questions = (Question(None, head(1.0), (head(2.0), head(3.0), head(4.0))), Question("é", head(5.0), ()))
    return StoredHead("t", "topic", "model-1", revision, questions, revision, 20, -0.5, 1_000)


class GenerationsContract:
    """What is carried along when another model goes live."""

    @pytest.fixture
    def before(self, engine: Engine) -> CandidateStore:
        """Candidates of the first model, which is live."""
        store = CandidateStore(engine, "model-1")
        store.create_tables()
        go_over(engine, live(0, "model-1"))
        store.put([DOG])
        return store

    @pytest.fixture
    def after(self, engine: Engine) -> CandidateStore:
        return CandidateStore(engine, "model-2")

    def test_what_is_known_of_items_is_carried_along_and_what_is_of_the_model_is_not(
        self, engine: Engine, before: CandidateStore, after: CandidateStore
    ) -> None:
        before.measured([("t", "dog", Signal(0.5, 100, 2))])
        go_over(engine, live(1, "model-2"))
        assert after.find("t", ["dog"]) == {"dog": replace(DOG, neighbours=(), told={}, signal=Signal(0.5, 100, 2))}

    def test_it_happens_once_a_generation(self, engine: Engine, before: CandidateStore, after: CandidateStore) -> None:
        go_over(engine, live(1, "model-2"))
        told = replace(DOG, version=4)
        after.put([told])
        for _ in range(2):
            go_over(engine, live(1, "model-2"))
        assert after.find("t", ["dog"]) == {"dog": told}

    def test_an_older_generation_is_passed_over(
        self, engine: Engine, before: CandidateStore, after: CandidateStore
    ) -> None:
        go_over(engine, live(2, "model-2"))
        go_over(engine, live(1, "model-1"))
        assert after.find("t", ["dog"])
        assert before.find("t", ["dog"]) == {}

    def test_a_generation_of_the_same_encoder_changes_nothing(self, engine: Engine, before: CandidateStore) -> None:
        go_over(engine, live(1, "model-1"))
        assert before.find("t", ["dog"]) == {"dog": DOG}

    def test_what_came_too_early_for_the_new_model_gives_way(
        self, engine: Engine, before: CandidateStore, after: CandidateStore
    ) -> None:
        after.put([replace(DOG, version=2), replace(DOG, item_id="early")])
        go_over(engine, live(1, "model-2"))
        assert {name: one.version for name, one in after.find("t", ["dog", "early"]).items()} == {"dog": 3}

    def test_a_rollback_carries_back_what_came_since_and_not_what_went(
        self, engine: Engine, before: CandidateStore, after: CandidateStore
    ) -> None:
        before.put([replace(DOG, item_id="cat")])
        go_over(engine, live(1, "model-2"))
        after.put([replace(DOG, item_id="cow", version=9)])
        after.remove([("t", "cat", 3)])
        go_over(engine, live(2, "model-1"))
        assert set(before.find("t", ["dog", "cat", "cow"])) == {"dog", "cow"}

    def test_nothing_stays_behind_that_a_withdrawal_would_not_find(
        self, engine: Engine, before: CandidateStore, after: CandidateStore
    ) -> None:
        go_over(engine, live(1, "model-2"))
        after.remove([("t", "dog", 3)])
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM scoring_candidates").scalar() == 0

    def test_the_first_start_has_nothing_to_carry(self, engine: Engine, after: CandidateStore) -> None:
        after.create_tables()
        after.put([DOG])
        go_over(engine, live(3, "model-2"))
        assert after.find("t", ["dog"]) == {"dog": DOG}


def live(generation: int, model_version: str) -> Live:
    return Live(model_version, 8, generation)
