from schemas.catalogue import EVENT_CLASSES
from streams.topics import (
    LOOP,
    MODELS_RELEASED,
    RAW,
    dead_letter_topic,
    group_of,
    parked_topic,
)


def test_topic_names_and_their_events_are_a_promise() -> None:
    assert {topic.name: [event.__name__ for event in topic.events] for topic in LOOP} == {
        "items.raw": ["ItemPublished", "ItemWithdrawn"],
        "items.curated": ["ItemCurated", "ItemWithdrawn"],
        "items.rejected": ["ItemRejected"],
        "items.embedded": ["ItemEmbedded", "ItemWithdrawn"],
        "items.indexed": ["ItemIndexed"],
        "searches.served": ["SearchServed"],
        "feedback.given": ["FeedbackGiven"],
        "signals.measured": ["ItemSignalMeasured", "QueryFailed", "HardNegativeMined", "ClickRateMeasured"],
        "items.scored": ["ItemScored"],
        "annotations.requested": ["AnnotationRequested"],
        "annotations.completed": ["AnnotationCompleted", "AnnotationChanged", "AnnotationWithdrawn"],
        "labels.settled": ["LabelSettled", "LabelUnsettled"],
        "training.requested": ["TrainingRequested"],
        "training.progressed": ["TrainingProgressed"],
        "models.trained": ["ModelTrained"],
        "models.evaluated": ["ModelEvaluated"],
        "models.rollouts": ["RolloutProgressed"],
        "models.released": ["ModelReleased"],
    }


def test_the_names_of_full_topics_groups_and_letters_are_a_promise() -> None:
    assert RAW.full_name("millrace") == "millrace.items.raw.v1"
    assert group_of("millrace", "curation") == "millrace.curation"
    assert dead_letter_topic("millrace", "curation") == "millrace.curation.dlq"
    assert parked_topic("millrace", "curation") == "millrace.curation.parked"


def test_the_topic_that_assigns_versions_never_changes_its_four_partitions() -> None:
    assert [(topic.name, topic.partitions) for topic in LOOP if topic.fixed_partitions] == [("items.raw", 4)]


def test_only_releases_are_compacted() -> None:
    assert [topic for topic in LOOP if topic.compacted] == [MODELS_RELEASED]


def test_every_event_has_a_topic() -> None:
    assert {event for topic in LOOP for event in topic.events} == set(EVENT_CLASSES)
