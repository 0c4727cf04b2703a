"""The evaluation in small: one seed, few items, steps that teach next to nothing. It only shows that it runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from streams.media.store import MediaStore
from tests.evaluations.loop.__main__ import evaluate, known, run_file, write
from tests.evaluations.loop.choosing import ACTIVE, ARMS, RANDOM, at_random, herded
from tests.evaluations.loop.encoders import Towers
from tests.evaluations.loop.figures import Figures, Mean, Run, tables
from tests.evaluations.loop.sets import SETS, LoopSet
from tests.evaluations.loop.turns import Loop, plan_of

SEED = 7
FEW_STEPS = {"steps": 2, "batch": 8, "side_batch": 4}


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> MediaStore:
    return MediaStore.open(tmp_path_factory.mktemp("media"))


@pytest.fixture(scope="module")
def towers() -> Towers:
    return Towers()


def small(name: str, shared_data: Path, media: MediaStore) -> LoopSet:
    data = SETS[name](shared_data, media)
    return replace(data, plan=replace(data.plan, pool=60, held_out=44, budget=12, turns=2, overrides=FEW_STEPS))


@pytest.fixture(scope="module", params=["clothing", "banking77", "openstax-captions"])
def runs(request: pytest.FixtureRequest, shared_data: Path, media: MediaStore, towers: Towers) -> list[Run]:
    data = small(request.param, shared_data, media)
    with threadpool_limits(limits=1):
        made = {arm: list(Loop(data, media, towers, SEED, arm).through()) for arm in ARMS}
    about = {"set": data.name, "seed": SEED, "plan": plan_of(data)}
    return [{**about, "arm": arm, "turns": turns} for arm, turns in made.items()]


def test_a_turn_begins_with_the_model_of_the_turn_before(runs: list[Run]) -> None:
    for run in runs:
        _, first, second = run["turns"]
        for measure in ("recall_at_10", "recall_at_1", "query_recall_at_10"):
            assert second["before"].get(measure) == first["after"].get(measure)


def test_both_arms_have_the_same_budget_and_the_same_held_out_side(runs: list[Run]) -> None:
    assert [[turn["labels"] for turn in run["turns"]] for run in runs] == [[0, 12, 24]] * 2
    assert runs[0]["turns"][0] == runs[1]["turns"][0]


def test_tables_and_figures_tell_each_turn_and_arm(runs: list[Run]) -> None:
    figures = Figures(runs)
    shown = tables(figures)
    assert all(f"| {turn} | {labels} | {arm} |" in shown for turn, labels in ((1, 12), (2, 24)) for arm in ARMS)
    assert list(figures.as_json()) == [runs[0]["set"]]


def test_a_run_that_is_there_is_not_made_again(
    shared_data: Path, media: MediaStore, towers: Towers, tmp_path: Path
) -> None:
    data = small("clothing", shared_data, media)
    for arm in ARMS:
        write(run_file(tmp_path, data.name, SEED, arm), {"plan": plan_of(data), "turns": []})
    evaluate([data], media, towers, [SEED], tmp_path)
    assert known(run_file(tmp_path, data.name, SEED, ACTIVE), data)
    other = replace(data, plan=replace(data.plan, budget=13))
    assert not known(run_file(tmp_path, data.name, SEED, ACTIVE), other)


def test_neither_arm_chooses_what_is_labelled() -> None:
    numbers = np.random.default_rng(0)
    vectors, truth = numbers.normal(size=(80, 8)).astype(np.float32), numbers.integers(0, 3, 80)
    batches = [[3, 5, 70], [8, 9, 10]]
    labelled = {3, 5, 70, 8, 9, 10}
    for chosen in (
        herded(vectors, truth, batches, 20, SEED),
        herded(vectors, None, batches, 20, SEED),
        at_random(80, batches, 20, SEED),
    ):
        assert len(set(chosen)) == 20
        assert not labelled & set(chosen)


def test_of_copies_in_the_eyes_of_a_model_one_is_chosen() -> None:
    vectors = np.repeat(np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32), 2, axis=0)
    chosen = herded(vectors, None, [[1]], 30, SEED)
    assert len({place // 2 for place in chosen}) == len(chosen) == 29


def test_a_run_without_its_pair_counts_for_nothing() -> None:
    paired = [{"set": "clothing", "seed": 0, "arm": arm, "turns": []} for arm in ARMS]
    alone = {"set": "clothing", "seed": 1, "arm": RANDOM, "turns": []}
    assert Figures([*paired, alone]).seeds("clothing") == [0]


def test_intervals_are_students() -> None:
    mean = Mean.of(np.array([0.1, 0.2, 0.3]))
    assert mean.value == pytest.approx(0.2)
    assert mean.high - mean.value == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-3)


def test_one_seed_has_no_interval() -> None:
    assert Mean.of(np.array([0.5])).plain() == "0.500"
