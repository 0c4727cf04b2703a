"""One index for each model version, behind the port of a single one.

Content goes to the space of the model that made it, a withdrawal to every space, and a search sees exactly one of
them: so a new model's vectors can be gathered beside those that serve, and no answer mixes the two. What the port asks
without naming a space (`head`, `count`, `ready`) is asked of the live one.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import structlog
from numpy.typing import NDArray

from models.vector_index.config import VectorIndexConfig
from models.vector_index.points import space_of
from models.vector_index.port import Applied, Candidate, Census, Entry, Head, IndexQuery, Near, Page
from models.vector_index.spaces.opened import OpenSpaces
from models.vector_index.spaces.port import Ground, Written
from schemas.items import Modality
from streams.errors import Misconfigured, Unavailable

logger = structlog.get_logger()


class VectorSpaces:
    """The spaces of a deployment as one index. One thread writes while any number search, open and drop."""

    def __init__(
        self,
        ground: Ground,
        live: Callable[[], str],
        written: Written | None = None,
        written_now: Written | None = None,
    ) -> None:
        """`live` names the model version that serves. `written` may be a moment old, and is asked all the time; before
        anything is refused, `written_now` is asked. Without them every space is kept that is ever written to."""
        self._ground = ground
        self._live = live
        self._written = written
        self._written_now = written_now or written
        self._open = OpenSpaces(ground)

    @classmethod
    def in_folder(
        cls,
        folder: Path,
        config: VectorIndexConfig,
        live: Callable[[], str],
        written: Written | None = None,
        written_now: Written | None = None,
    ) -> Self:
        """Qdrant Edge, a folder for each space, all of them open. Raises Misconfigured."""
        from models.vector_index.edge.ground import EdgeGround

        ground = EdgeGround(folder, config)
        spaces = cls(ground, live, written, written_now)
        for model_version in ground.found():
            spaces.open(model_version)
        return spaces

    @classmethod
    def on_server(
        cls,
        config: VectorIndexConfig,
        live: Callable[[], str],
        written: Written | None = None,
        written_now: Written | None = None,
    ) -> Self:
        """A Qdrant server, a collection for each space. Nothing is sent before the first use."""
        from models.vector_index.server.ground import ServerGround

        return cls(ServerGround.connect(config), live, written, written_now)

    def open(self, model_version: str) -> None:
        """Its space exists from here on, if only empty: every withdrawal that is applied from now on reaches it."""
        self._open.open(model_version)

    def spaces(self) -> tuple[str, ...]:
        """Model versions whose spaces exist."""
        return self._ground.found()

    def drop(self, model_version: str) -> bool:
        """Removes its space once the last user is done; whether there was one. Raises Misconfigured for the live."""
        if space_of(model_version) == space_of(self._live()):
            raise Misconfigured(f"{model_version} serves: its vector space stays")
        if there := self._open.remove(model_version):
            logger.info("dropped a vector space", model_version=model_version)
        return there

    def ensure_space(self, model_version: str, dim: int) -> int:
        """As the port says; for a space that nobody wants nothing is made, and any dimension is right."""
        if not self._wanted(model_version):
            return dim
        self.open(model_version)
        with self._open.using(model_version) as index:
            return dim if index is None else index.ensure_space(model_version, dim)

    def apply(self, entries: Sequence[Entry]) -> list[Applied]:
        """As the port says; what a withdrawal did is what it did in the live space. Content for a space that nobody
        wants changes nothing: some is still on its way when its space has been dropped, and must not bring it back."""
        outcomes = [Applied.STALE] * len(entries)
        for model_version in self._reached(entries):
            at = [place for place, entry in enumerate(entries) if _goes_to(entry, model_version)]
            with self._open.using(model_version) as index:
                applied = index.apply([entries[place] for place in at]) if index else []
            for place, outcome in zip(at, applied, strict=index is not None):
                outcomes[place] = outcome  # the live space comes last
        return outcomes

    def head(self, tenant: str, item_id: str) -> Head | None:
        with self._open.using(self._live()) as index:
            return None if index is None else index.head(tenant, item_id)

    def search(self, query: IndexQuery) -> list[Candidate]:
        """As the port says. Raises Unavailable for a space that is not kept any more: it holds old content at best."""
        if not self._wanted(query.model_version):
            raise Unavailable(f"the vector space of {query.model_version} is not kept")
        with self._open.using(query.model_version) as index:
            return [] if index is None else index.search(query)

    def neighbours(
        self,
        tenant: str,
        model_version: str,
        modality: Modality,
        vectors: Sequence[NDArray[np.float32]],
        limit: int,
    ) -> list[list[Near]]:
        with self._open.using(model_version) as index:
            if index is None:
                return [[] for _ in vectors]
            return index.neighbours(tenant, model_version, modality, vectors, limit)

    def vectors(
        self, tenant: str, model_version: str, item_ids: Sequence[str]
    ) -> dict[str, tuple[int, NDArray[np.float32]]]:
        with self._open.using(model_version) as index:
            return {} if index is None else index.vectors(tenant, model_version, item_ids)

    def scroll(self, tenant: str, model_version: str, limit: int, after: str | None = None) -> Page:
        with self._open.using(model_version) as index:
            return Page((), None) if index is None else index.scroll(tenant, model_version, limit, after)

    def census(self, model_version: str, limit: int, after: str | None = None) -> Census:
        with self._open.using(model_version) as index:
            return Census((), None) if index is None else index.census(model_version, limit, after)

    def count(self, tenant: str | None = None) -> int:
        with self._open.using(self._live()) as index:
            return 0 if index is None else index.count(tenant)

    def ready(self) -> str | None:
        """Of the live space, made where there is none: so a full disk or a server that is away shows at once."""
        try:
            live = self._live()
            self.open(live)
            with self._open.using(live) as index:
                return None if index is None else index.ready()
        except (Unavailable, Misconfigured) as reason:
            return str(reason)

    def flush(self) -> None:
        for model_version in self._open.versions():
            with self._open.using(model_version) as index:
                if index is not None:
                    index.flush()

    def close(self) -> None:
        self._open.close()

    def _reached(self, entries: Sequence[Entry]) -> list[str]:
        """Model versions whose spaces a batch reaches, the live one last; they exist from here on."""
        asked = dict.fromkeys(entry.content.model_version for entry in entries if entry.content)
        wanted = [one for one in asked if self._wanted(one)]
        withdraws = any(entry.content is None for entry in entries)
        if withdraws:  # a space that is about to be filled must hear of it even if no content of it came yet
            live, *others = self._written() if self._written else (self._live(),)
            wanted = [one for one in (*wanted, *others) if one != live] + [live]
        for model_version in wanted:
            self.open(model_version)
        unwanted = [one for one in self._open.versions() if one not in wanted] if withdraws else []
        return [*unwanted, *dict.fromkeys(wanted)]

    def _wanted(self, model_version: str) -> bool:
        """A version that is not known is asked for again: who writes may hear of a rollout before we do."""
        if self._written is None or self._written_now is None:
            return True
        return model_version in self._written() or model_version in self._written_now()


def _goes_to(entry: Entry, model_version: str) -> bool:
    return entry.content is None or entry.content.model_version == model_version
