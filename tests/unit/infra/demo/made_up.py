"""The report of a demo that did all that it had to, and what it had to do."""

from infra.demo.report import (
    LEAST_SEARCHES,
    Expected,
    Freshness,
    Labels,
    Refused,
    Report,
    RolledBack,
    Saved,
    SearchOutcome,
    Seconds,
    SwitchTraffic,
    Turn,
)

EXPECTED = Expected(
    published={"image": 4, "text": 3}, curated=6, rejected={"empty": 1}, dead_letters=2, parked=1, indexed=6
)


def turn(generation: int, low: float = 0.1) -> Turn:
    return Turn(
        generation=generation,
        model=f"model-{generation}",
        cause="labels",
        metric="precision_at_10",
        before=0.2 * generation,
        after=0.2 * generation + 0.15,
        low=low,
        high=0.2,
        items=80,
        labels={"active": 40, "random": 10},
        seconds={"queue": 0.5, "training": 10.0, "canary": 3.0, "between": 1.5, "total": 15.0},
    )


def report() -> Report:
    return Report(
        turns=[turn(1), turn(2)],
        refused=Refused(model="bad", passed=False, reasons=["worse by 0.3"], before=0.6, after=0.3),
        rolled_back=RolledBack(
            model="bad",
            generation=3,
            back_generation=4,
            reason="clicks fell",
            seconds_to_live=9.0,
            seconds_to_back=12.5,
        ),
        switch_traffic=SwitchTraffic(
            searches=LEAST_SEARCHES, failed=0, mixed=0, by_model={"model-1": LEAST_SEARCHES}, longest_gap_s=0.2
        ),
        versions={"millrace": "1"},
        published=EXPECTED.published,
        curated=EXPECTED.curated,
        rejected=EXPECTED.rejected,
        dead_letters=EXPECTED.dead_letters,
        parked=EXPECTED.parked,
        indexed=EXPECTED.indexed,
        withdrawn=1,
        searches=[SearchOutcome(query="a cat", expected="cat", rank=1)],
        withdrawn_item_found=False,
        republished=0,
        freshness_s=Freshness(p50=1.0, p95=2.0),
        labels=Labels(
            asked=50,
            answered=60,
            given=60,
            settled=50,
            by_arm={"active": 40, "random": 10},
            agreement=0.9,
            error_rate=0.05,
            accuracy=0.97,
        ),
        labels_saved=Saved(verdict="saved", share=0.4, low=0.2, high=0.5, n=10),
        signals=3,
        seconds=Seconds(set_up=1, start=2, ingest=3, labelling=4, wheel=5, total=12),
    )
