from infra.placement import LAPTOP, PROCESSES, STAGES, home_of


def test_no_stage_runs_twice() -> None:
    assert len(set(STAGES)) == len(STAGES)


def test_one_process_serves_the_api_beside_the_index_it_asks() -> None:
    [api] = [placed for placed in LAPTOP if placed.api]
    assert "indexing" in api.stages


def test_every_stage_is_found_in_its_process() -> None:
    assert all(stage in PROCESSES[home_of(stage)].stages for stage in STAGES)
