"""Which item owns which content, decided in memory for one micro-batch, record after record in their order."""

from collections.abc import Iterable
from dataclasses import dataclass

ItemKey = tuple[str, str]
"""Tenant and item id."""
ContentKey = tuple[str, str]
"""Tenant and SHA-256 of the content."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """What a raw record asks for."""

    tenant: str
    item_id: str
    version: int
    content_sha256: str | None
    """The content it wants to own; None if it is refused or withdrawn and wants none."""

    @property
    def item(self) -> ItemKey:
        return self.tenant, self.item_id

    @property
    def content(self) -> ContentKey | None:
        return None if self.content_sha256 is None else (self.tenant, self.content_sha256)


@dataclass(frozen=True, slots=True)
class Holding:
    """Where an item stands: its newest version and what became of it."""

    version: int
    content_sha256: str | None = None
    """The content it owns; None if its newest version was refused or withdrew it."""
    duplicate_of: str | None = None
    """The item that owned the wanted content already."""
    replaced: bool = False
    """The newest version was not accepted while the one before it was live."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an item may have."""

    duplicate_of: str | None
    """The item that owns the wanted content already."""
    replaces: bool
    """This version is not accepted, and an older one that may be live must be withdrawn."""


class Ledger:
    """Holdings of the items in a batch and owners of the contents they want; remembers what it changed."""

    def __init__(self, holdings: dict[ItemKey, Holding], owners: dict[ContentKey, str]) -> None:
        self._before = dict(holdings)
        self._holdings = holdings
        self._owners = owners

    def rule(self, claimant: Claimant) -> Ruling:
        """Decides about one record, and writes down what is new.

        A record older than its item was mended and replayed, or its answer is forgotten. It is decided as things stand
        and changes nothing. Refused, it counts as replacing something: a withdrawal too many does no harm, as every
        sink is guarded by the version, while one too few leaves stale content. A record as new as its item was decided
        before and gets the same ruling, unless the rules have changed and it now wants something else.
        """
        held = self._holdings.get(claimant.item)
        if held is None or claimant.version > held.version:
            return self._decide(claimant, live=held is not None and held.content_sha256 is not None)
        if claimant.version < held.version:
            duplicate_of, accepted = self._verdict(claimant)
            return Ruling(duplicate_of, replaces=not accepted)
        if _wanted_the_same(claimant, held):
            return Ruling(held.duplicate_of, held.replaced)
        return self._decide(claimant, live=held.replaced or held.content_sha256 is not None)

    def changed(self) -> Iterable[tuple[ItemKey, Holding]]:
        """Items whose holding is new, as it stands now."""
        return ((item, held) for item, held in self._holdings.items() if self._before.get(item) != held)

    def released(self) -> Iterable[ItemKey]:
        """Items that owned content before and own other content now, or none."""
        for item, held in self._before.items():
            if held.content_sha256 not in (None, self._holdings[item].content_sha256):
                yield item

    def _verdict(self, claimant: Claimant) -> tuple[str | None, bool]:
        owner = self._owners.get(claimant.content) if claimant.content else None
        duplicate_of = None if owner == claimant.item_id else owner
        return duplicate_of, claimant.content is not None and duplicate_of is None

    def _decide(self, claimant: Claimant, live: bool) -> Ruling:
        duplicate_of, accepted = self._verdict(claimant)
        held = self._holdings.get(claimant.item)
        if held is not None and held.content_sha256 is not None:
            self._owners.pop((claimant.tenant, held.content_sha256), None)
        if accepted and claimant.content is not None:
            self._owners[claimant.content] = claimant.item_id
        content = claimant.content_sha256 if accepted else None
        ruling = Ruling(duplicate_of, replaces=live and not accepted)
        self._holdings[claimant.item] = Holding(claimant.version, content, duplicate_of, ruling.replaces)
        return ruling


def _wanted_the_same(claimant: Claimant, held: Holding) -> bool:
    if claimant.content_sha256 is None:
        return held.content_sha256 is None and held.duplicate_of is None
    return held.duplicate_of is not None or held.content_sha256 == claimant.content_sha256
