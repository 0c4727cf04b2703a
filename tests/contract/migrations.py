"""What migrations must do in every database. Subclasses say how to open an empty one."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

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
