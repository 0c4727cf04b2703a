from collections.abc import Iterable
from hashlib import sha256

import pytest

from models.mined.store import HardNegative, Place
from schemas.annotations import Arm
from schemas.items import MediaRef, Modality
from streams.errors import Misconfigured
from trainers.learning.data.examples import NO_CLASS, Examples, ItemName, examples_of
from trainers.recipes.recipe import Lora, Objective, Recipe
from trainers.snapshots.rows import Row, Split, TaskFacts, TaskLabel

DIGITS = TaskFacts("digits", "default", "class", ("one", "two"), "the digit {label}")
INTENTS = TaskFacts("intents", "default", "class", ("pay", "lose"), "{label}")
CAPTIONS = TaskFacts("captions", "default", "caption")
BOXES = TaskFacts("boxes", "default", "boxes", ("cat", "dog"))
TASKS = (DIGITS, INTENTS, CAPTIONS, BOXES)
PICTURES = Recipe()
READS = Recipe(lora=Lora(rank=2), objective=Objective(supervised=1, retention=1))


def ref(item_id: str) -> MediaRef:
    digest = sha256(item_id.encode()).hexdigest()
    return MediaRef(uri=f"media/{digest[:2]}/{digest}", sha256=digest, length=9, media_type="image/png")


def label(task: str, *labels: str, trust: float = 1.0) -> TaskLabel:
    return TaskLabel(task, labels, trust, Arm.ACTIVE, 1)


def picture(item_id: str, *labels: TaskLabel, text: str | None = None, **facts: object) -> Row:
    return Row("default", item_id, 1, Modality.IMAGE, "0" * 64, ref(item_id), text, labels, **facts)  # type: ignore[arg-type]


def words(item_id: str, text: str, *labels: TaskLabel) -> Row:
    return Row("default", item_id, 1, Modality.TEXT, "0" * 64, None, text, labels)


def found(*rows: Row, recipe: Recipe = PICTURES, negatives: Iterable[HardNegative] = (), **others: object) -> Examples:
    return examples_of(rows, TASKS, negatives, recipe, **others)  # type: ignore[arg-type]


def mined(query: str, positive: str, negative: str, version: int = 1, weight: float = 1.0) -> HardNegative:
    return HardNegative(Place(0, query), "default", query, positive, version, negative, version, weight, "model")


def test_a_labelled_picture_belongs_to_the_sentence_of_its_class() -> None:
    examples = found(picture("a", label("digits", "one", trust=0.7)))
    [pair] = examples.pairs
    assert [*examples.texts] == ["the digit one"]
    assert [*examples.classes] == [("default", "digits", "one")]
    assert (pair.weight, pair.replay) == (0.7, False)


def test_a_caption_is_a_text_without_a_class_and_replays() -> None:
    [pair] = found(picture("a", text="a hand with a pen")).pairs
    assert (pair.klass, pair.weight, pair.replay) == (NO_CLASS, 1.0, True)


def test_a_caption_that_people_wrote_is_new() -> None:
    examples = found(picture("a", label("captions", "a pen")))
    assert [*examples.texts] == ["a pen"]
    assert (examples.pairs[0].klass, examples.pairs[0].replay) == (NO_CLASS, False)


def test_a_picture_with_label_and_caption_is_seen_with_both() -> None:
    assert [*found(picture("a", label("digits", "one"), text="one of mine")).texts] == ["the digit one", "one of mine"]


def test_pictures_of_one_class_share_its_text() -> None:
    examples = found(picture("a", label("digits", "one")), picture("b", label("digits", "one")))
    assert [pair.text for pair in examples.pairs] == [0, 0]


@pytest.mark.parametrize(
    "row",
    [
        picture("a", label("digits", "one"), split=Split.EVALUATION),
        picture("a", label("digits", "one"), split=Split.EXCLUDED),
        picture("a", label("digits", "one", trust=0.0)),
        picture("a", label("unknown", "one")),
        picture("a", label("boxes")),
        picture("a"),
        words("a", "where is my card", label("intents", "lose")),
    ],
    ids=["evaluation", "excluded", "not trusted", "unknown task", "boxes", "no label", "text tower does not learn"],
)
def test_what_teaches_nothing_is_no_example(row: Row) -> None:
    assert not found(row)


def test_a_task_of_another_tenant_is_another_task() -> None:
    row = Row("other", "a", 1, Modality.IMAGE, "0" * 64, ref("a"), None, (label("digits", "one"),))
    assert not found(row)


def test_what_the_parent_was_trained_on_replays() -> None:
    rows = picture("a", label("digits", "one")), picture("b", label("digits", "one"))
    examples = found(*rows, known={ItemName("default", "a", 1), ItemName("default", "b", 0)})
    assert [pair.replay for pair in examples.pairs] == [True, False]


def test_where_the_text_tower_learns_labelled_texts_are_examples_and_others_are_kept() -> None:
    examples = found(words("a", "where is my card", label("intents", "lose")), words("b", "fine weather"), recipe=READS)
    [text] = examples.classed
    assert [*examples.classes] == [("default", "intents", "lose")]
    assert [[*examples.texts][place] for place in (text.text, *examples.kept)] == ["where is my card", "fine weather"]


def test_texts_to_keep_alone_teach_nothing() -> None:
    assert not found(words("b", "fine weather"), recipe=READS)


def test_losses_without_weight_take_no_examples() -> None:
    off = Recipe(objective=Objective(contrastive=0, hard_negatives=0))
    assert not found(picture("a", label("digits", "one")), recipe=off)


def test_a_hard_negative_is_a_query_with_two_items() -> None:
    examples = found(picture("a"), words("b", "some text"), negatives=[mined("blue", "a", "b", weight=0.4)])
    [triple] = examples.triples
    assert [*examples.texts][triple.query] == "blue"
    assert (triple.positive.picture, triple.positive.text, triple.weight) == (0, -1, 0.4)
    assert (triple.negative.picture, [*examples.texts][triple.negative.text]) == (-1, "some text")


@pytest.mark.parametrize(
    "negative",
    [
        mined("blue", "a", "gone"),
        mined("blue", "a", "c", version=2),
        mined("blue", "a", "c", weight=0.0),
        mined("", "a", "c"),
        mined("blue", "a", "held back"),
        mined("blue", "b", "d"),
    ],
    ids=["item gone", "item changed", "no weight", "no words", "evaluation", "texts that are frozen"],
)
def test_a_hard_negative_that_cannot_teach_is_left_out(negative: HardNegative) -> None:
    rows = [picture("a"), words("b", "x"), picture("c"), words("d", "y"), picture("held back", split=Split.EVALUATION)]
    assert not found(*rows, negatives=[negative])


def test_equal_rows_give_equal_examples() -> None:
    rows = [picture(f"item {number}", label("digits", "two")) for number in range(5)]
    assert found(*rows) == found(*rows)


def test_a_prompt_without_a_place_for_the_label_is_refused_with_its_task() -> None:
    broken = TaskFacts("digits", "default", "class", ("one",), "the {digit}")
    with pytest.raises(Misconfigured, match="digits"):
        examples_of([picture("a", label("digits", "one"))], [broken], [], Recipe())
