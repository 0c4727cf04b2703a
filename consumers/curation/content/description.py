"""What people filter by, cleaned: source, tags, licence, attributes, and the language as declared."""

from consumers.curation.config import CurationConfig
from consumers.curation.content.languages import declared_code
from consumers.curation.content.objections import Objection, at_most
from consumers.curation.content.text import clean
from schemas.items import Described, RejectReason


def describe(item: Described, config: CurationConfig) -> Described | Objection:
    """The description with clean words, or an objection if it cannot be cleaned or is too long."""
    words = [item.source, item.licence or "", *item.tags, *item.attributes, *item.attributes.values()]
    cleaned = _cleaned(words, config)
    if isinstance(cleaned, Objection):
        return cleaned
    source, licence, *others = cleaned
    tags, names, values = _split(others, len(item.tags), len(item.attributes))
    return Described(
        source=source,
        language=declared_code(item.language),
        tags=tuple(tags),
        nsfw_flag=item.nsfw_flag,
        licence=licence or None,
        attributes=dict(zip(names, values, strict=True)),
    )


def _cleaned(words: list[str], config: CurationConfig) -> list[str] | Objection:
    cleaned = []
    for word in words:
        result = clean(word, config.max_control_share)
        if isinstance(result, Objection):
            return result
        cleaned.append(result)
    size = sum(len(word.encode()) for word in cleaned)
    limit = config.max_description_bytes
    return at_most(size, limit, "bytes of description", RejectReason.TOO_LARGE) or cleaned


def _split(words: list[str], tags: int, attributes: int) -> tuple[list[str], list[str], list[str]]:
    return words[:tags], words[tags : tags + attributes], words[tags + attributes :]
