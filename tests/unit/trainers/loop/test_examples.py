"""The examples for several machines say what DeepSpeed's launcher and our ranks take."""

import base64
import json
from pathlib import Path
from typing import Any

import yaml

from trainers.loop.config import TrainingConfig
from trainers.loop.launcher import environment, launch_command

EXAMPLES = Path(__file__).resolve().parents[4] / "infra" / "training"


def job() -> dict[str, Any]:
    service, job = yaml.safe_load_all((EXAMPLES / "kubernetes-job.yaml").read_text())
    assert service["metadata"]["name"] == job["spec"]["template"]["spec"]["subdomain"]
    found: dict[str, Any] = job["spec"]
    return found


def container() -> dict[str, Any]:
    [found] = job()["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def test_each_pod_of_the_job_is_a_node_with_a_rank_for_each_gpu() -> None:
    [world] = [word for word in container()["command"] if word.startswith("--world_info=")]
    nodes = json.loads(base64.urlsafe_b64decode(world.removeprefix("--world_info=")))
    assert len(nodes) == job()["completions"] == job()["parallelism"]
    assert {len(ranks) for ranks in nodes.values()} == {container()["resources"]["limits"]["nvidia.com/gpu"]}


def test_a_pod_starts_ranks_as_one_machine_does() -> None:
    config = TrainingConfig(accelerator="cuda")
    ours = launch_command(Path("/runs/current"), config, "trainers.loop.rank", 29500)
    alike = ("-m", "deepspeed.launcher.launch", "--master_port=29500", "--no_local_rank", "--module", "--run")
    assert set(alike) < set(ours)
    assert set(alike) < set(container()["command"])
    told = {f"{each['name']}={each['value']}" for each in container()["env"]}
    assert told <= set(environment(config))
