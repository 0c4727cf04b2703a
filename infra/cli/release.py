"""`millrace release` and `millrace rollback`: which model serves, by a person's word.

Both write what is wanted into the registry; the running loop does it. So they also work while the API is away.
"""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.naming import model_named
from infra.cli.progress import shown_state
from infra.cli.under_way import rollout_in_words
from infra.cli.where import opened_registry
from infra.settings import Settings, load_settings
from streams.errors import MillraceError, Misconfigured

if TYPE_CHECKING:  # the database is loaded by the commands that need it
    from models.registry.records import Rollout
    from models.registry.registry import Registry
    from models.registry.standing import Watch

LOOK_EVERY_S = 0.25

Wait = Annotated[bool, typer.Option("--wait", help="Show how it gets on, until it serves or is given up.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only see whether it can be done.")]
By = Annotated[str, typer.Option("--by", help="Who asks; told with the release.")]


def release(
    version: Annotated[str, typer.Argument(help="Version or alias of a model, as `millrace models list` names it.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Even if the gate did not let it through.")] = False,
    canary: Annotated[
        float | None, typer.Option(min=0, max=0.5, help="Share of the searches before it serves; 0 is no canary.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask back.")] = False,
    by: By = "command line",
    wait: Wait = False,
    dry_run: DryRun = False,
) -> None:
    """Let a model serve: also one whose verdict waits for approval. Items are embedded anew while people search."""
    from trainers.rollout.beginning import Wish, promote

    settings = load_settings()
    registry, watch = _opened(settings)
    version = model_named(registry, version).version
    wish = Wish(by=by, force=force, canary_share=canary, dry_run=True)
    planned = _asked(lambda: promote(registry, watch, settings.rollout, version, wish))
    typer.echo(_plan(planned))
    if dry_run:
        return
    _agreed(yes)
    wish = Wish(by=by, force=force, canary_share=canary)
    begun = _asked(lambda: promote(registry, watch, settings.rollout, version, wish))
    _followed(registry, settings, begun, wait)


def rollback(
    *,
    reason: Annotated[str, typer.Option(help="Why; told with the release.")] = "",
    by: By = "command line",
    wait: Wait = False,
    dry_run: DryRun = False,
) -> None:
    """Let the model serve that served before; or give up a candidate that does not serve yet."""
    from trainers.rollout.beginning import Wish
    from trainers.rollout.going_back import roll_back

    settings = load_settings()
    registry, watch = _opened(settings)
    under_way = watch.fresh().rollout is not None
    wish = Wish(by=by, reason=reason, dry_run=dry_run)
    gone = _asked(lambda: roll_back(registry, watch, settings.rollout, wish))
    if dry_run:
        typer.echo(_way_back(gone) if under_way else _plan(gone))
        return
    _followed(registry, settings, gone, wait)


def _opened(settings: Settings) -> "tuple[Registry, Watch]":
    from models.registry.standing import Watch

    registry = opened_registry(settings)
    return registry, Watch(registry, _baseline(registry, settings))


def _baseline(registry: "Registry", settings: Settings) -> str:
    """Version of the encoder of the settings; known only by loading it, which is spared once anything was released."""
    if (live := registry.generations.live()) is not None:
        return live.model_version
    from models.encoders.loading import load_encoder

    return load_encoder(settings.encoder).version


def _asked(ask: "Callable[[], Rollout]") -> "Rollout":
    from streams.errors import Refusal

    try:
        return ask()
    except Refusal as refusal:
        raise MillraceError(refusal.detail) from refusal


def _agreed(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Misconfigured("nobody is there to be asked back; add --yes")
    typer.confirm("Begin?", abort=True)


def _followed(registry: "Registry", settings: Settings, rollout: "Rollout", wait: bool) -> None:
    """Says how it ended, or how it stands. Raises MillraceError if it was given up against what was asked."""
    from models.registry.records import RolloutState

    asked_for_end = rollout.state in (RolloutState.ABORTED, RolloutState.ROLLED_BACK)
    if wait and not asked_for_end:
        rollout = _awaited(registry, settings, rollout)
    typer.echo(_said(rollout))
    if not asked_for_end and rollout.state in (RolloutState.ABORTED, RolloutState.ROLLED_BACK):
        raise MillraceError(f"{rollout.model_version} does not serve: {rollout.reason}")


def _awaited(registry: "Registry", settings: Settings, rollout: "Rollout") -> "Rollout":
    from models.registry.records import RolloutState

    with shown_state() as show:
        while not rollout.state.ended and rollout.state is not RolloutState.WATCHING:
            show(rollout_in_words(rollout, settings.rollout, int(time.time() * 1000)), rollout.state.value)
            time.sleep(LOOK_EVERY_S)
            rollout = registry.rollouts.get(rollout.rollout_id) or rollout
    return rollout


def _plan(rollout: "Rollout") -> str:
    how = "in its own space: items are embedded anew" if not rollout.same_space else "in the space that serves"
    canary = f"a canary of {rollout.share:.0%}" if rollout.share > 0 and not rollout.same_space else "no canary"
    return f"{rollout.model_version} is to follow {rollout.previous_version}, {how}; {canary}"


def _way_back(rollout: "Rollout") -> str:
    from models.registry.records import RolloutState

    if rollout.state is RolloutState.WATCHING:
        return f"{rollout.previous_version} would serve again at once"
    gone, stays = rollout.model_version, rollout.previous_version
    return f"the rollout of {gone} ({rollout.state}) would be given up, and {stays} would go on serving"


def _said(rollout: "Rollout") -> str:
    from models.registry.records import RolloutState

    steps = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in rollout.steps.items())
    taken = f" ({steps})" if steps else ""
    if rollout.state is RolloutState.ROLLED_BACK:
        return f"{rollout.previous_version} serves again"
    if rollout.state is RolloutState.ABORTED:
        return f"the rollout of {rollout.model_version} was given up; {rollout.previous_version} goes on serving"
    if rollout.state in (RolloutState.WATCHING, RolloutState.DONE):
        return f"{rollout.model_version} serves as generation {rollout.generation}{taken}"
    return f"the rollout {rollout.rollout_id} of {rollout.model_version} has begun; `millrace models list` shows it"
