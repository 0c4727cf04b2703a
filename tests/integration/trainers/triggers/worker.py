"""A process that runs triggers until it is killed: `python -m … BOOTSTRAP PREFIX`."""

import sys

from schemas.training import TriggerCause
from streams.faust.runner import FaustRunner
from streams.kafka.config import KafkaConfig
from streams.kafka.producer import KafkaProducer
from trainers.triggers.config import TriggersConfig
from trainers.triggers.stage import Triggers

LABELS = 5
CONFIG = TriggersConfig(
    causes=(TriggerCause.LABELS,),
    window_s=1,
    horizon_s=3600,
    cool_down_s=0,
    labels=LABELS,
    labels_share=0,
    tick_s=0.1,
    settle_s=0.5,
    recipe="smoke",
)


def main(bootstrap: str, prefix: str) -> None:
    kafka = KafkaConfig(bootstrap_servers=bootstrap, prefix=prefix, session_timeout_ms=6000)
    FaustRunner(Triggers(CONFIG, kafka.prefix), CONFIG, kafka, KafkaProducer(kafka)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
