"""What the registry must stand in every database. Subclasses say how to open an empty one."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.registry.registry import Registry
from tests.contract.registry import request
from tests.faults.registry.crowd import Crowd, jobs_judged, releases_judged

LIMIT_S = 240


class RegistryFaults:
    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def registry(self, engine: Engine) -> Registry:
        registry = Registry(engine)
        registry.create_tables()
        return registry

    def crowd(
        self, what: str, registry: Registry, folder: Path, goal: int, harms: int, careless: bool = False
    ) -> Crowd:
        url = registry.engine.url.render_as_string(hide_password=False)
        return Crowd(what, url, folder, goal, harms, careless)

    def test_four_that_promote_under_kills_leave_one_winner_and_one_announcement_a_generation(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        crowd = self.crowd("promoting", registry, tmp_path, goal=120, harms=12)
        crowd.run(LIMIT_S)
        assert releases_judged(registry, crowd.journal) == []
        assert crowd.killed >= 5

    def test_a_switch_without_compare_and_swap_is_noticed(self, registry: Registry, tmp_path: Path) -> None:
        crowd = self.crowd("promoting", registry, tmp_path, goal=40, harms=0, careless=True)
        crowd.run(LIMIT_S)
        wrong = releases_judged(registry, crowd.journal)
        assert any("won" in one for one in wrong), wrong

    def test_four_that_train_under_kills_and_delays_publish_each_job_once(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        for number in range(80):
            registry.jobs.submit(request(f"job-{number}"))
        crowd = self.crowd("training", registry, tmp_path, goal=80, harms=10)
        crowd.run(LIMIT_S)
        assert jobs_judged(registry, crowd.journal) == []
        assert crowd.killed + crowd.held_up >= 6

    def test_a_finish_without_a_lease_is_noticed(self, registry: Registry, tmp_path: Path) -> None:
        for number in range(100):
            registry.jobs.submit(request(f"job-{number}"))
        crowd = self.crowd("training", registry, tmp_path, goal=100, harms=10, careless=True)
        crowd.run(LIMIT_S)
        wrong = jobs_judged(registry, crowd.journal)
        assert any("finished" in one or "other models" in one for one in wrong), (wrong, crowd.held_up)
