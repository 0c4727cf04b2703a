"""What migrations must do in every database. Subclasses say how to open an empty one."""

import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from infra.migrations import run
from infra.migrations.declared import DECLARED
from infra.migrations.run import migrate
from streams.errors import Misconfigured


class MigrationsContract:
    """Subclasses provide the fixture `engine`: an empty database."""

    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    def test_migrations_make_exactly_the_tables_that_the_code_declares(self, engine: Engine) -> None:
        migrate(engine)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            differences = compare_metadata(context, DECLARED)  # type: ignore[arg-type]
        assert differences == []

    def test_constraints_have_the_names_that_the_code_declares(self, engine: Engine) -> None:
        migrate(engine)
        found = inspect(engine)
        checks = {check["name"] for check in found.get_check_constraints("idempotency_keys")}
        uniques = {unique["name"] for unique in found.get_unique_constraints("curation_items")}
        assert "ck_idempotency_keys_answer_is_whole" in checks
        assert uniques == {"uq_curation_items_content"}

    def test_migrating_again_changes_nothing(self, engine: Engine) -> None:
        migrate(engine)
        with engine.begin() as connection:
            connection.execute(
                text("INSERT INTO curation_items (tenant, item_id, version, replaced) VALUES ('t', 'i', 1, false)")
            )
        migrate(engine)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM curation_items")).scalar() == 1

    def test_several_that_start_at_once_migrate_once(self, engine: Engine) -> None:
        failures: list[BaseException] = []

        def start() -> None:
            try:
                migrate(engine)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=start) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []

    def test_what_was_trained_on_before_anybody_wrote_it_down_is_found_in_the_snapshots(self, engine: Engine) -> None:
        _upgrade_to(engine, "0010")
        items = [(1, "a", 1, "train"), (2, "a", 1, "train"), (2, "b", 1, "train"), (2, "c", 1, "evaluation")]
        with engine.begin() as connection:
            for snapshot, item, version, split in items:
                said = f"({snapshot}, 't', '{item}', {version}, '{split}', '{{}}')"
                connection.execute(text(f"INSERT INTO snapshot_items VALUES {said}"))
            for item, since in (("a", 1), ("b", 2), ("c", 1)):
                columns = "tenant, item_id, version, since, withdrawn, content_sha256, source"
                connection.execute(
                    text(
                        f"INSERT INTO catalogue ({columns}) VALUES ('t', '{item}', 3, {since}, false, 'of {item}', '')"
                    )
                )
        migrate(engine)
        with engine.connect() as connection:
            found = connection.execute(text("SELECT tenant, item_id, content_sha256, snapshot FROM trained_items"))
            assert sorted(map(tuple, found)) == [("t", "a", "of a", 1), ("t", "b", "", 2)]

    def test_a_migration_that_fails_half_way_leaves_nothing_behind(self, engine: Engine) -> None:
        with engine.begin() as connection:  # the last step meets a table that is in its way
            connection.execute(text("CREATE TABLE curation_answers (id INTEGER)"))
        with pytest.raises(Exception, match="curation_answers"):
            migrate(engine)
        assert inspect(engine).get_table_names() == ["curation_answers"]

    def test_a_database_that_newer_code_has_upgraded_is_refused(self, engine: Engine) -> None:
        migrate(engine)
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(Misconfigured, match="newer than this code"):
            migrate(engine)


def _upgrade_to(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(run.__file__).parent))
        command.upgrade(config, revision)
