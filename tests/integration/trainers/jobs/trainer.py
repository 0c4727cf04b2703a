"""A process that trains until it is killed: `python -m … FOLDER OWNER`."""

import sys
import time
from pathlib import Path

from tests.integration.trainers.jobs.mill import Mill
from trainers.jobs.worker import Trainer

LIMIT_S = 300.0


def main(folder: str, owner: str) -> None:
    trainer = Trainer(Mill(Path(folder)).work, owner)
    trainer.start()
    time.sleep(LIMIT_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
