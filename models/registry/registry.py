"""The registry: one object for all that is known of models, on one metadata database."""

from sqlalchemy import Engine

from models.registry.stores.announcements import Announcements
from models.registry.stores.evaluations import Evaluations
from models.registry.stores.generations import Generations
from models.registry.stores.jobs import Jobs
from models.registry.stores.models import Models
from models.registry.stores.rollouts import Rollouts
from models.registry.tables import metadata
from streams.clock import Clock, SystemClock


class Registry:
    """Stores on one database. May be shared by threads and processes; all raise Unavailable while it is away."""

    def __init__(self, engine: Engine, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self.engine = engine
        self.models = Models(engine, clock)
        self.generations = Generations(engine, clock)
        self.jobs = Jobs(engine, clock, self.models)
        self.evaluations = Evaluations(engine, clock)
        self.rollouts = Rollouts(engine, clock)

    def announcements(self, stage: str) -> Announcements:
        """What a stage (`training`, `evaluation` or `rollout`) is to publish; it keeps the one that it is given."""
        return Announcements(self.engine, stage)

    def create_tables(self) -> None:
        """Creates the tables where they are missing; for tests, as migrations do it otherwise."""
        metadata.create_all(self.engine)
