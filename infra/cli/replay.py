"""`millrace replay STAGE --from …`: a stage reads its topics again, which rebuilds what it writes."""

from typing import Annotated

import typer

from infra.cli.where import ops_url, reachable_kafka
from infra.placement import STAGES
from infra.settings import Settings, load_settings
from infra.supervisor.state import running
from streams.errors import Misconfigured, Unavailable
from streams.port import Start, parse_start
from streams.topics import group_of


def replay(
    stage: Annotated[str, typer.Argument(help=f"One of {', '.join(STAGES)}.")],
    since: Annotated[str, typer.Option("--from", help="`beginning`, or a date and time such as 2026-11-22T08:00Z.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Read a stage's topics again from a moment on. Versions and computed ids make the repeat harmless."""
    if stage not in STAGES:
        raise Misconfigured(f"there is no stage {stage}; there are {', '.join(STAGES)}")
    try:
        start = parse_start(since)
    except ValueError as error:
        raise Misconfigured(f"--from {since}: write `beginning` or a date and time in ISO 8601") from error
    settings = load_settings()
    if dry_run:
        typer.echo(f"would read the topics of {stage} again from {start.since or 'the beginning'}")
    elif running(settings.data_dir):
        _ask_worker(settings, stage, start)
        typer.echo(f"{stage} reads its topics again; it is done when its lag at {ops_url(settings, stage)}/readyz is 0")
    else:
        count = _rewind(settings, stage, start)
        typer.echo(f"{stage} will read {count} records once it runs")


def _ask_worker(settings: Settings, stage: str, start: Start) -> None:
    import httpx

    body = {"stage": stage, "since": start.since.isoformat() if start.since else None}
    try:
        httpx.post(f"{ops_url(settings, stage)}/replay", json=body, timeout=10.0, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise Unavailable(f"the worker of {stage} did not take the request ({error}); see `millrace status`") from error


def _rewind(settings: Settings, stage: str, start: Start) -> int:
    from streams.kafka.topic_admin import TopicAdmin

    kafka = reachable_kafka(settings)
    return TopicAdmin(kafka).rewind(group_of(kafka.prefix, stage), start)
