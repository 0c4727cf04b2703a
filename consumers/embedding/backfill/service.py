"""items.curated -> items.embedded, for a candidate's space alone and from the beginning of the log

New items are written in both spaces since the rollout began; this fills in the older ones. Where the log ended when it
began is kept with the rollout: before that end the newest state of each item is embedded anew, withdrawals are told
again, and behind it there is nothing to do. Facts have the ids that embedding gives them, and versions make any
overlap harmless: what is published here late can neither overwrite a newer version nor bring a withdrawn item back.
"""

from collections.abc import Mapping, Sequence
from math import ceil

import structlog

from consumers.embedding.backfill.log import BackfillLog
from consumers.embedding.backfill.marks import BackfillMarks, backfill_marks, mark
from consumers.embedding.backfill.work import Portion, Work
from consumers.embedding.config import EmbeddingConfig
from consumers.embedding.embedder import Embedder
from consumers.embedding.joining import how
from models.encoders.port import BREAKS, Encoder
from models.registry.records import Rollout, RolloutState
from models.registry.registry import Registry
from models.registry.shelf import Shelf
from models.registry.standing import Watch
from schemas.event import Event
from streams.clock import Clock, SystemClock
from streams.errors import BadRecord, MillraceError, Misconfigured, Refusal
from streams.patrol import Patrol
from streams.retry import BackoffConfig
from streams.stage import Outcome

logger = structlog.get_logger()


class Impossible(Exception):
    """Nothing can be embedded with the candidate; the message says why."""


class Backfill:
    """A service; one in each process that embeds. One of them works at a time, the others stand by."""

    def __init__(
        self,
        registry: Registry,
        watch: Watch,
        shelf: Shelf,
        embedder: Embedder,
        log: BackfillLog,
        config: EmbeddingConfig,
        owner: str,
        clock: Clock | None = None,
    ) -> None:
        """`owner` names this process among its replicas, and is the same after a restart."""
        self._rollouts = registry.rollouts
        self._watch = watch
        self._shelf = shelf
        self._embedder = embedder
        self._log = log
        self._config = config
        self._owner = owner
        self._clock = clock or SystemClock()
        self._rollout_id = ""
        self._work: Work | None = None
        self._refused = 0
        self._marked_at = float("-inf")
        self._patrol = Patrol("backfill", self.look, config.backfill_look_s, BackoffConfig())

    def start(self) -> None:
        """Begins to look."""
        self._patrol.start()

    def ready(self) -> str | None:
        """None while it works or stands by, else the reason."""
        return self._patrol.ready()

    def stop(self) -> None:
        """After the portion in hand."""
        self._patrol.stop()

    def look(self) -> bool:
        """Does a portion of what there is to do; whether there is more. Raises MillraceError, to be called again."""
        rollout = self._watch.current().rollout
        if rollout is None or rollout.same_space or rollout.state is not RolloutState.BACKFILLING:
            self._work = None
            return False
        if self._work is None or self._rollout_id != rollout.rollout_id:
            self._rollout_id, self._work = rollout.rollout_id, self._begun(rollout)
        return self._work is not None and self._go_on(self._work, rollout)

    def _begun(self, rollout: Rollout) -> Work | None:
        """The work as the marks have it; None where it is done, or in other hands."""
        known = backfill_marks(rollout)
        if known.complete or known.impossible or self._claimed(known) is None:
            return None
        ends = known.ends or {str(partition): end for partition, end in self._log.ends().items()}

        def claimed(marks: BackfillMarks) -> BackfillMarks | None:
            ours = None if marks.complete else self._claimed(marks)
            return ours and ours.model_copy(update={"ends": marks.ends or ends})

        marks = mark(self._rollouts, rollout.rollout_id, claimed)
        if marks is None:
            return None
        self._refused = marks.refused
        logger.info("embedding older items anew", model_version=rollout.encoder_version, done=marks.done)
        return self._log.work(_numbered(marks.ends), _numbered(marks.reached))

    def _go_on(self, work: Work, rollout: Rollout) -> bool:
        began = self._clock.monotonic()
        if not work.look_through():
            return self._marked(work)
        try:
            encoder = self._encoder(rollout.encoder_version)
            portion = work.portion(self._at_once(), self._config.max_bytes)
            if portion is not None:
                self._publish(self._outcomes(portion, encoder))
                work.finish(portion)
        except Impossible as error:
            return self._written({"impossible": str(error)}, over=True)
        except MillraceError:
            work.take_again()
            raise
        if portion is None:
            logger.info("older items are embedded anew", model_version=rollout.encoder_version, items=work.total)
            return self._marked(work, complete=True)
        self._rest(len(portion.facts), self._clock.monotonic() - began)
        return self._marked(work)

    def _encoder(self, version: str) -> Encoder:
        try:
            return self._shelf.get(version)
        except (BadRecord, Misconfigured) as error:
            raise Impossible(str(error)) from error
        except BREAKS as error:
            raise _broken(version, error) from error

    def _outcomes(self, portion: Portion, encoder: Encoder) -> list[Outcome]:
        try:
            return self._embedder.outcomes(portion.facts, (encoder,))
        except BREAKS as error:
            raise _broken(encoder.version, error) from error

    def _publish(self, outcomes: Sequence[Outcome]) -> None:
        events: list[Event] = []
        for outcome in outcomes:
            self._refused += isinstance(outcome, Refusal)
            events += outcome.also if isinstance(outcome, Refusal) else outcome
        self._refused += self._log.publish(events)

    def _marked(self, work: Work, complete: bool = False) -> bool:
        """Writes down how far it is, now and then, as it is somebody else's row too; whether there is more to do.

        What lies behind the marks is done again after a crash.
        """
        now = self._clock.monotonic()
        if not complete and now - self._marked_at < self._config.backfill_mark_s:
            return True
        found = {
            "reached": {str(partition): offset for partition, offset in work.reached.items()},
            "done": work.done,
            "total": work.total,
            "refused": self._refused,
            "complete": complete,
        }

        self._marked_at = now
        return self._written(found, over=complete)

    def _written(self, found: Mapping[str, object], over: bool) -> bool:
        """Writes what was found into the marks; whether there is more to do."""

        def changed(marks: BackfillMarks) -> BackfillMarks | None:
            ours = self._claimed(marks)
            return ours and ours.model_copy(update=found)

        if mark(self._rollouts, self._rollout_id, changed) is None or over:  # None: it ended, or is in other hands
            self._work = None
        return self._work is not None

    def _claimed(self, marks: BackfillMarks) -> BackfillMarks | None:
        return marks.claimed(self._owner, int(self._clock.time() * 1000), self._config.backfill_lease_s)

    def _at_once(self) -> int:
        """Few enough items that a bound on the rate is kept within each second."""
        rate = self._config.backfill_items_per_s
        return min(self._config.max_records, max(1, ceil(rate))) if rate else self._config.max_records

    def _rest(self, items: int, took_s: float) -> None:
        """So that no more items a second are embedded than allowed."""
        rate = self._config.backfill_items_per_s
        if rate and (left_s := items / rate - took_s) > 0:
            self._clock.sleep(left_s)


def _broken(version: str, error: Exception) -> Impossible:
    """That is the end of its rollout, and no reason to end the process, which embeds for the live model too."""
    logger.exception("a candidate breaks", model_version=version)
    return Impossible(how(error))


def _numbered(places: Mapping[str, int]) -> dict[int, int]:
    return {int(partition): offset for partition, offset in places.items()}
