"""The memory of curation: which item owns which content, and the answers that a crash may ask for again.

One transaction a micro-batch. An item's row is its newest version with the content it owns; two items of a tenant never
own the same content, which the database itself enforces. Transactions that touch the same tenant run one after another,
so that replicas of the stage decide as one would.

Answers are kept because a crash between this transaction and the commit of offsets brings the same records again, and
by then the rows speak of a later time. How long? The runner commits one batch before it handles the next, so only the
last batch of a partition can come again, whole or in pieces, in its old order. As soon as a partition shows a record
that was not answered before, everything below that batch is committed, and its answers go.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from consumers.curation.answers import ANSWERS, Answer
from consumers.curation.ledger import Claimant, ContentKey, Holding, ItemKey, Ledger, Ruling
from models.metadata.dialect import replacing, take_turns

metadata = MetaData()

items = Table(
    "curation_items",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("item_id", String(512), primary_key=True),
    Column("version", BigInteger, nullable=False, comment="Newest version that curation has seen."),
    Column("content_sha256", String(64), nullable=True, comment="Content it owns; NULL if refused or withdrawn."),
    Column("duplicate_of", String(512), nullable=True, comment="The item that owned its content already."),
    Column("replaced", Boolean, nullable=False, comment="Its newest version was refused while an older one was live."),
    UniqueConstraint("tenant", "content_sha256", name="uq_curation_items_content"),
)

answers = Table(
    "curation_answers",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("place", String(200), nullable=False, comment="Topic and partition of the records."),
    Column("last_version", BigInteger, nullable=False, comment="Highest version of a record in it."),
    Column("answers", LargeBinary, nullable=False, comment="JSON list of what each record was answered."),
    Index("ix_curation_answers_place", "place", "last_version"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """A raw record that wants an answer."""

    place: str
    """Topic and partition in which the record first lay."""
    cause: UUID
    """Id of the raw fact; a mended record may come with the place of the broken one."""
    claimant: Claimant


AnswerKey = tuple[str, int, UUID]


class Claims:
    """Claims on content in a metadata database. May be shared by threads and processes.

    Raises Unavailable while the database does not answer; nothing has changed then.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create_tables(self) -> None:
        """Creates the tables where they are missing; for tests, as migrations do it otherwise."""
        metadata.create_all(self._engine)

    def settle(self, requests: Sequence[Request], answer: Callable[[int, Ruling], Answer]) -> list[Answer]:
        """What each record is answered, in order: what it was answered before, or what `answer` makes of its ruling.

        `answer` gets the position of the request and must be free of side effects: the transaction may fail after it.
        """
        if not requests:
            return []
        with self._engine.begin() as connection:
            take_turns(connection, "curation", {request.claimant.tenant for request in requests})
            known = _recall(connection, _lowest(requests))
            ledger = _ledger(connection, [one.claimant for one in requests if _key(one) not in known])
            fresh: dict[AnswerKey, Answer] = {}
            for position, request in enumerate(requests):
                if (key := _key(request)) not in known:
                    known[key] = fresh[key] = answer(position, ledger.rule(request.claimant))
            _write(connection, ledger)
            _keep(connection, fresh, _lowest(requests))
        return [known[_key(request)] for request in requests]


def _key(request: Request) -> AnswerKey:
    return request.place, request.claimant.version, request.cause


def _lowest(requests: Iterable[Request]) -> dict[str, int]:
    """The lowest version of each place in the batch."""
    lowest: dict[str, int] = {}
    for request in requests:
        version = request.claimant.version
        lowest[request.place] = min(version, lowest.get(request.place, version))
    return lowest


def _recall(connection: Connection, lowest: dict[str, int]) -> dict[AnswerKey, Answer]:
    in_reach = or_(*(and_(answers.c.place == place, answers.c.last_version >= low) for place, low in lowest.items()))
    rows = connection.execute(select(answers.c.place, answers.c.answers).where(in_reach)).all()
    kept = ((place, answer) for place, content in rows for answer in ANSWERS.validate_json(content))
    return {(place, answer.version, answer.cause): answer for place, answer in kept}


def _ledger(connection: Connection, claimants: Sequence[Claimant]) -> Ledger:
    holdings: dict[ItemKey, Holding] = {}
    owners: dict[ContentKey, str] = {}
    for tenant in {claimant.tenant for claimant in claimants}:
        theirs = [claimant for claimant in claimants if claimant.tenant == tenant]
        wanted = {claimant.content_sha256 for claimant in theirs if claimant.content_sha256 is not None}
        by_id = and_(items.c.tenant == tenant, items.c.item_id.in_({claimant.item_id for claimant in theirs}))
        for row in connection.execute(select(items).where(by_id)):
            holdings[tenant, row.item_id] = Holding(row.version, row.content_sha256, row.duplicate_of, row.replaced)
        owned = and_(items.c.tenant == tenant, items.c.content_sha256.in_(wanted))
        for row in connection.execute(select(items.c.item_id, items.c.content_sha256).where(owned)):
            owners[tenant, row.content_sha256] = row.item_id
    return Ledger(holdings, owners)


def _write(connection: Connection, ledger: Ledger) -> None:
    # Contents are given up before anybody takes them: they are unique at every moment.
    if released := [{"of_tenant": tenant, "of_item": item_id} for tenant, item_id in ledger.released()]:
        ours = and_(items.c.tenant == bindparam("of_tenant"), items.c.item_id == bindparam("of_item"))
        connection.execute(update(items).where(ours).values(content_sha256=None), released)
    if changed := [_row(item, holding) for item, holding in ledger.changed()]:
        connection.execute(replacing(connection, items), changed)


def _row(item: ItemKey, holding: Holding) -> dict[str, object]:
    return {
        "tenant": item[0],
        "item_id": item[1],
        "version": holding.version,
        "content_sha256": holding.content_sha256,
        "duplicate_of": holding.duplicate_of,
        "replaced": holding.replaced,
    }


def _keep(connection: Connection, fresh: dict[AnswerKey, Answer], lowest: dict[str, int]) -> None:
    places = sorted({place for place, _, _ in fresh})
    if not places:
        return  # all of it has come before: what follows may come again too
    passed = or_(*(and_(answers.c.place == place, answers.c.last_version < lowest[place]) for place in places))
    connection.execute(delete(answers).where(passed))
    rows = []
    for place in places:
        theirs = [answer for key, answer in fresh.items() if key[0] == place]
        last_version = max(answer.version for answer in theirs)
        rows.append({"place": place, "last_version": last_version, "answers": ANSWERS.dump_json(theirs)})
    connection.execute(insert(answers), rows)
