"""`millrace topics plan|apply`: the manifest against the cluster."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.where import reachable_kafka
from infra.placement import STAGES
from infra.settings import load_settings
from streams.kafka.config import KafkaConfig
from streams.topic_plan import Step, manifest, plan

if TYPE_CHECKING:  # the client library is loaded by the commands that need it
    from streams.kafka.topic_admin import TopicAdmin

app = typer.Typer(help="Create and change topics from the manifest in streams/topics.py.", no_args_is_help=True)


def apply_topics(kafka: KafkaConfig) -> list[Step]:
    """Brings a cluster's topics in line with the manifest; the steps that this took."""
    from streams.kafka.topic_admin import TopicAdmin

    admin = TopicAdmin(kafka)
    steps = _steps(admin, kafka)
    for step in steps:
        admin.apply(step)
    return steps


@app.command("plan")
def plan_command(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what `topics apply` would do."""
    from streams.kafka.topic_admin import TopicAdmin

    kafka = reachable_kafka(load_settings())
    _print(_steps(TopicAdmin(kafka), kafka), as_json)


@app.command("apply")
def apply_command(
    dry_run: Annotated[bool, typer.Option(help="Only show the steps.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Create missing topics and bring settings in line. Refuses to change the partitions of items.raw."""
    if dry_run:
        plan_command(as_json)
    else:
        _print(apply_topics(reachable_kafka(load_settings())), as_json)


def _steps(admin: "TopicAdmin", kafka: KafkaConfig) -> list[Step]:
    wanted = manifest(kafka.prefix, STAGES)
    names = {name for topic in wanted for name in topic.settings}
    return plan(wanted, admin.present([topic.name for topic in wanted], names))


def _print(steps: list[Step], as_json: bool) -> None:
    if as_json:
        rows = [{"topic": s.topic, "create": s.create, "partitions": s.partitions, **s.settings} for s in steps]
        typer.echo(json.dumps(rows, indent=2))
    else:
        typer.echo("\n".join(map(str, steps)) or "nothing to do: the topics are as the manifest says")
