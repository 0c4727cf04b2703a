"""The entry of the command line.

Exit codes: 0 done; 1 it did not work, and the message says why; 2 the words or settings were wrong; 130 interrupted.
"""

import logging
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from infra.cli import (
    classify,
    demo,
    evaluation,
    labels,
    letters,
    lineage,
    models,
    processes,
    publish,
    release,
    replay,
    search,
    select,
    snapshots,
    topics,
    train,
    work,
)
from infra.cli import config as config_command
from infra.cli.sql import sql_command
from infra.cli.where import recording_url
from infra.settings import flags
from streams.errors import MillraceError, Misconfigured

app = typer.Typer(
    name="millrace",
    help="The open data flywheel: publish, curate, embed, index, search.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def common(
    config: Annotated[Path | None, typer.Option(help="Settings file instead of ./millrace.toml.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="A setting; may be repeated.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder instead of ./.millrace.")] = None,
) -> None:
    """Options that every command takes."""
    flags.file = config
    flags.assignments = [*(assignments or []), *([f"data_dir={data_dir}"] if data_dir else [])]


def set_up_logs() -> None:
    """One line an event, on standard error; libraries speak only when something is wrong."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("librdkafka").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def main() -> None:
    """Runs a command; foreseen errors become one sentence and an exit code."""
    set_up_logs()
    try:
        app()
    except MillraceError as error:
        sys.stderr.write(f"millrace: {error}\n")
        sys.exit(2 if isinstance(error, Misconfigured) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


for group, commands in (
    ("topics", topics.app),
    ("dlq", letters.app),
    ("labels", labels.app),
    ("select", select.app),
    ("train", train.app),
    ("snapshots", snapshots.app),
    ("models", models.models_app),
    ("config", config_command.app),
):
    app.add_typer(commands, name=group)
for command in (
    demo.demo,
    processes.up,
    processes.down,
    processes.status,
    processes.doctor,
    publish.publish,
    publish.withdraw,
    search.search,
    classify.classify,
    release.release,
    release.rollback,
    lineage.lineage,
    replay.replay,
    sql_command(recording_url),
    work.run,
    work.serve,
):
    app.command()(command)
app.command("eval")(evaluation.evaluate)
app.command(hidden=True)(work.work)

if __name__ == "__main__":
    main()
