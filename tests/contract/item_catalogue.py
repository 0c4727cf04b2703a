"""What the catalogue of items must do in any database. Subclasses provide the fixture `engine`."""

from itertools import permutations

import pytest
from sqlalchemy import Engine

from schemas.items import Modality
from tests.unit.trainers.snapshots.frozen import curated, picture, withdrawn
from trainers.snapshots.catalogue.catalogue import ItemCatalogue, Listing
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.rows import Key


class ItemCatalogueContract:
    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def catalogue(self, engine: Engine) -> ItemCatalogue:
        catalogue = ItemCatalogue(engine, SnapshotConfig(text_chars=10))
        catalogue.create_tables()
        return catalogue

    def test_what_was_curated_is_found_as_it_is(self, catalogue: ItemCatalogue) -> None:
        item = picture("a", 7, text="a dog – 狗", licence="CC0", source="zoo", language="en", tenant="t")
        catalogue.write([item])
        assert found(catalogue, "a", "t") == Listing(
            Key("t", "a"), 7, 7, Modality.IMAGE, item.content_sha256, item.media, "a dog – 狗", "CC0", "zoo", "en"
        )

    def test_another_tenants_item_of_that_name_is_another_item(self, catalogue: ItemCatalogue) -> None:
        catalogue.write([curated("a", 1, "red", tenant="red"), curated("a", 2, "blue", tenant="blue")])
        assert (found(catalogue, "a", "red").text, found(catalogue, "a", "blue").text) == ("red", "blue")

    def test_a_text_is_kept_by_its_beginning(self, catalogue: ItemCatalogue) -> None:
        catalogue.write([curated("a", content="0123456789 and more")])
        assert found(catalogue, "a").text == "0123456789"

    def test_words_that_no_database_can_hold_are_held_without_what_it_cannot(self, catalogue: ItemCatalogue) -> None:
        catalogue.write([curated("a", source="a\0b", licence="\0")])
        assert (found(catalogue, "a").source, found(catalogue, "a").licence) == ("ab", "")

    @pytest.mark.parametrize("together", [True, False])
    def test_the_highest_version_wins_in_any_order(self, catalogue: ItemCatalogue, together: bool) -> None:
        for item, order in enumerate(permutations(range(4))):
            name = str(item)
            facts = [curated(name, 1, "one"), curated(name, 2, "two"), withdrawn(name, 3), curated(name, 4, "four")]
            write(catalogue, [facts[place] for place in order], together)
            assert (found(catalogue, name).version, found(catalogue, name).text) == (4, "four")

    @pytest.mark.parametrize("together", [True, False])
    def test_what_was_withdrawn_stays_away_in_any_order(self, catalogue: ItemCatalogue, together: bool) -> None:
        for item, order in enumerate(permutations(range(3))):
            key = Key("default", str(item))
            facts = [curated(key.item_id, 1), curated(key.item_id, 3), withdrawn(key.item_id, 3)]
            write(catalogue, [facts[place] for place in order], together)
            assert catalogue.find([key]) == {}
            assert catalogue.versions(key) == (3, True)

    def test_nothing_of_the_content_outlives_a_withdrawal(self, catalogue: ItemCatalogue, engine: Engine) -> None:
        catalogue.write([picture("a", 1, licence="CC0", source="zoo", language="en")])
        catalogue.write([withdrawn("a", 1)])
        with engine.connect() as connection:
            kept = connection.exec_driver_sql("SELECT * FROM catalogue").mappings().one()
        assert {name: value for name, value in kept.items() if value} == {
            "tenant": "default", "item_id": "a", "version": 1, "since": 1, "withdrawn": True,
        }  # fmt: skip

    def test_a_withdrawal_of_an_older_version_takes_nothing(self, catalogue: ItemCatalogue) -> None:
        catalogue.write([curated("a", 5)])
        catalogue.write([withdrawn("a", 4)])
        assert found(catalogue, "a").version == 5

    @pytest.mark.parametrize("together", [True, False])
    def test_content_that_stays_the_same_is_known_since_it_was_so(
        self, catalogue: ItemCatalogue, together: bool
    ) -> None:
        write(catalogue, [curated("a", 1, "old"), curated("a", 2, "new"), curated("a", 5, "new")], together)
        assert (found(catalogue, "a").since, found(catalogue, "a").version) == (2, 5)

    @pytest.mark.parametrize("together", [True, False])
    def test_content_that_was_withdrawn_in_between_begins_anew(self, catalogue: ItemCatalogue, together: bool) -> None:
        write(catalogue, [curated("a", 1, "same"), withdrawn("a", 1), curated("a", 5, "same")], together)
        assert found(catalogue, "a").since == 5

    def test_what_is_written_again_changes_nothing(self, catalogue: ItemCatalogue) -> None:
        facts = [curated("a", 1, "same"), curated("a", 2, "same"), picture("b", 3)]
        catalogue.write(facts)
        before = catalogue.find([Key("default", "a"), Key("default", "b")])
        catalogue.write(facts)
        assert catalogue.find(before) == before

    def test_captioned_are_media_with_words(self, catalogue: ItemCatalogue) -> None:
        catalogue.write([curated("text"), picture("with"), picture("without", text=None), picture("gone")])
        catalogue.write([withdrawn("gone", 1)])
        assert [one.key.item_id for one in catalogue.captioned()] == ["with"]

    def test_present_is_all_that_is_there(self, catalogue: ItemCatalogue) -> None:
        catalogue.write(
            [curated("text"), picture("with", tenant="red"), picture("without", text=None), picture("gone")]
        )
        catalogue.write([withdrawn("gone", 1)])
        names = sorted(one.key for one in catalogue.present())
        assert names == [("default", "text"), ("default", "without"), ("red", "with")]

    def test_many_are_found_and_counted(self, catalogue: ItemCatalogue) -> None:
        catalogue.write([curated(f"item-{number}") for number in range(1_200)])
        assert len(catalogue.find([Key("default", f"item-{number}") for number in range(1_300)])) == 1_200
        assert catalogue.count() == 1_200


def found(catalogue: ItemCatalogue, item_id: str, tenant: str = "default") -> Listing:
    return catalogue.find([Key(tenant, item_id)])[Key(tenant, item_id)]


def write(catalogue: ItemCatalogue, facts: list, together: bool) -> None:  # type: ignore[type-arg]
    for batch in [facts] if together else [[fact] for fact in facts]:
        catalogue.write(batch)
