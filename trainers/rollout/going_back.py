"""How a model goes back: at once while it is watched, by a rollout of its own later, and never further than asked."""

from dataclasses import replace
from typing import NoReturn

from pydantic import JsonValue

from models.registry.records import Generation, Model, ModelKind, Rollout, RolloutState
from models.registry.registry import Registry
from models.registry.standing import Standing, Watch
from schemas.event import Event
from schemas.training import ReleaseKind
from streams.clock import Clock, SystemClock
from trainers.rollout.beginning import LOOKED_AT, NotReleasable, Wish, rollout_of
from trainers.rollout.config import RolloutConfig
from trainers.rollout.steps import Move, moved
from trainers.rollout.telling import told_of_beginning, told_of_move

TRIES = 5
"""Others write down marks now and then; whoever goes back reads anew and tries again."""
HISTORY = 10_000
ASKED = "asked"
"""Among the marks of a rollout that a person ended: the id of the wish, which is granted once."""


def roll_back(
    registry: Registry, watch: Watch, config: RolloutConfig, wish: Wish, clock: Clock | None = None
) -> Rollout:
    """Makes the model serve that served before, or gives up a candidate that does not serve yet.

    While the new model is watched, and between heads of one encoder, that is done when this returns. Later the previous
    model's space is gone, and the rollout that is returned embeds items anew. Raises NotReleasable.
    """
    reason, cause = wish.reason or "a person asked for it", wish.asked()
    if (known := _granted(registry, str(cause.event_id))) is not None:
        return known
    standing = watch.fresh()
    if (under_way := standing.rollout) is not None:
        if wish.dry_run:
            return under_way
        asked = str(cause.event_id)
        return sent_back(registry, under_way.rollout_id, reason, wish.by, config, clock, asked) or _moved_on()
    target = _before(registry, standing)
    rollout = _returning(cause, standing, target, f"back to {target[0]}: {reason}", wish.by, _now_ms(clock))
    if wish.dry_run:
        return rollout
    if not registry.rollouts.begin(rollout, told_of_beginning(rollout)):
        _moved_on()
    return _at_once(registry, rollout, standing, config, clock) if rollout.same_space else rollout


def sent_back(
    registry: Registry,
    rollout_id: str,
    reason: str,
    by: str,
    config: RolloutConfig,
    clock: Clock | None = None,
    asked: str = "",
) -> Rollout | None:
    """Ends a rollout: its model never serves, or the one before serves again. None if it has ended otherwise.

    `asked` is the id of a person's wish.
    """
    for _ in range(TRIES):
        rollout = registry.rollouts.current()
        if rollout is None or rollout.rollout_id != rollout_id:
            return None
        rollout = with_mark(rollout, ASKED, asked) if asked else rollout
        if (gone := _ended(registry, rollout, reason, by, config, _now_ms(clock))) is not None:
            return gone
    return None


def with_mark(rollout: Rollout, name: str, value: JsonValue) -> Rollout:
    """The rollout with one of its marks set; the others are other people's."""
    return replace(rollout, marks={**rollout.marks, name: value})


def line_of_models(history: list[Generation]) -> list[tuple[str, str]]:
    """Model and encoder versions from the first to the one that serves, without what was taken back.

    A generation of the model before the last takes the last one out, whether it was called a rollback or a release.
    """
    line: list[tuple[str, str]] = []
    for generation in sorted(history, key=lambda one: one.number):
        if not line:
            line.append((generation.previous_version, generation.previous_encoder_version))
        if len(line) > 1 and line[-2][0] == generation.model_version:
            line.pop()
        else:
            line.append((generation.model_version, generation.encoder_version))
    return line


def _granted(registry: Registry, asked: str) -> Rollout | None:
    """The rollout that a wish began or ended before."""
    ended = (one for one in registry.rollouts.list(LOOKED_AT) if one.marks.get(ASKED) == asked)
    return registry.rollouts.get(asked) or next(ended, None)


def _ended(
    registry: Registry, rollout: Rollout, reason: str, by: str, config: RolloutConfig, now_ms: int
) -> Rollout | None:
    if rollout.state is not RolloutState.WATCHING:
        aborted = moved(rollout, Move(RolloutState.ABORTED, reason), now_ms, config)
        return registry.rollouts.change(aborted, told_of_move(rollout, aborted))
    back = moved(rollout, Move(RolloutState.ROLLED_BACK, reason), now_ms, config)
    told = told_of_move(rollout, back)
    return registry.rollouts.switch(back, rollout.generation or 0, ReleaseKind.ROLLBACK, reason, by, told)


def _before(registry: Registry, standing: Standing) -> tuple[str, str]:
    """Model and space to go back to."""
    before = line_of_models(registry.generations.history(HISTORY))[:-1]
    if not before:
        said = f"{standing.model_version} is what this installation began with: there is no way back"
        raise NotReleasable("nothing_before", said)
    return before[-1]


def _at_once(
    registry: Registry, rollout: Rollout, standing: Standing, config: RolloutConfig, clock: Clock | None
) -> Rollout:
    """What the conductor would do in a moment; it does it where we die before."""
    back = moved(rollout, Move(RolloutState.DONE), _now_ms(clock), config)
    told = told_of_move(rollout, back)
    kind = ReleaseKind.RELEASE
    done = registry.rollouts.switch(back, standing.generation, kind, back.reason, back.requested_by, told)
    return done or registry.rollouts.get(rollout.rollout_id) or rollout


def _returning(cause: Event, standing: Standing, target: tuple[str, str], reason: str, by: str, now_ms: int) -> Rollout:
    version, space = target
    kind = ModelKind.ENCODER if version == space else ModelKind.HEAD
    return rollout_of(cause, Model(version, kind, space), standing, 0.0, by, now_ms, forced=True, reason=reason)


def _moved_on() -> NoReturn:
    raise NotReleasable("moved_on", "things have just changed; look at `millrace models list` and try again")


def _now_ms(clock: Clock | None) -> int:
    return int((clock or SystemClock()).time() * 1000)
