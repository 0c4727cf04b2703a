"""A process that runs signals until it is killed: `python -m … BOOTSTRAP PREFIX`."""

import sys

from consumers.signals.config import SignalsConfig
from consumers.signals.stage import Signals
from streams.faust.runner import FaustRunner
from streams.kafka.config import KafkaConfig
from streams.kafka.producer import KafkaProducer

CONFIG = SignalsConfig(window_s=1, grace_s=1, tick_s=0.1, settle_s=0.5)


def main(bootstrap: str, prefix: str) -> None:
    kafka = KafkaConfig(bootstrap_servers=bootstrap, prefix=prefix, session_timeout_ms=6000)
    FaustRunner(Signals(CONFIG, kafka.prefix), CONFIG, kafka, KafkaProducer(kafka)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
