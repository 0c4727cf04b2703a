"""What people ask about most, as views over the facts. Created anew at each start; none holds data of its own."""

ITEM_VERSIONS = """
SELECT
    tenant, item_id, version,
    minOrNullIf(at, step = 'published') AS published_at,
    minOrNullIf(at, step = 'curated') AS curated_at,
    minOrNullIf(at, step = 'rejected') AS rejected_at,
    anyOrNullIf(detail, step = 'rejected') AS reject_reason,
    minOrNullIf(at, step = 'embedded') AS embedded_at,
    minOrNullIf(at, step = 'indexed') AS indexed_at,
    minOrNullIf(at, step = 'withdrawn') AS withdrawn_at,
    multiIf(
        countIf(step = 'rejected') > 0, 'rejected',
        countIf(step = 'withdrawn') > 0, 'withdrawn',
        countIf(step = 'indexed') > 0, 'indexed',
        countIf(step = 'embedded') > 0, 'embedded',
        countIf(step = 'curated') > 0, 'curated',
        'published') AS state
FROM
(
    SELECT tenant, item_id, log_version AS version, occurred_at AS at, 'published' AS step, '' AS detail
    FROM item_published
    UNION ALL
    SELECT tenant, item_id, version, occurred_at, 'curated', '' FROM item_curated
    UNION ALL
    SELECT tenant, item_id, version, occurred_at, 'rejected', toString(reason) FROM item_rejected
    UNION ALL
    SELECT tenant, item_id, version, occurred_at, 'embedded', model_version FROM item_embedded
    UNION ALL
    SELECT tenant, item_id, version, occurred_at, 'indexed', '' FROM item_indexed WHERE parts > 0
    UNION ALL
    SELECT tenant, item_id, ifNull(version, log_version), occurred_at, 'withdrawn', mode FROM item_withdrawn
    WHERE mode != 'replaced'
)
GROUP BY tenant, item_id, version
"""

ITEM_JOURNEY = """
SELECT *, count() OVER (PARTITION BY tenant, item_id) AS versions
FROM item_versions
ORDER BY version DESC
LIMIT 1 BY tenant, item_id
"""

REJECTIONS_BY_REASON = """
SELECT reason, count() AS rejections, uniqExact(tenant, item_id) AS items, max(occurred_at) AS last_at
FROM item_rejected
GROUP BY reason
"""

FRESHNESS = """
SELECT
    tenant, item_id, version, published_at, occurred_at AS indexed_at,
    dateDiff('microsecond', published_at, occurred_at) / 1e6 AS freshness_s
FROM item_indexed
WHERE published_at IS NOT NULL
"""

SEARCH_HITS = """
SELECT
    event_id AS impression_id, occurred_at, tenant, query_text, policy, model_version, generation,
    hit_item_id AS item_id, hit_version AS version, position, score, propensity
FROM search_served
ARRAY JOIN
    hits.item_id AS hit_item_id, hits.version AS hit_version, hits.position AS position, hits.score AS score,
    hits.propensity AS propensity
"""

VIEWS: dict[str, str] = {
    "item_versions": ITEM_VERSIONS,
    "item_journey": ITEM_JOURNEY,
    "rejections_by_reason": REJECTIONS_BY_REASON,
    "freshness": FRESHNESS,
    "search_hits": SEARCH_HITS,
}
"""In the order of their creation: a view may read those above it.

- item_versions: one row for each version of an item, with the time of each step and the state it reached; a time that
  was not reached is NULL. Replacements are left out: they name the version below a refused one, which need not exist.
- item_journey: the newest version of each item, and how many versions it has had.
- rejections_by_reason: how often each reason was given, and to how many items.
- freshness: seconds from publishing to index, of each indexed version.
- search_hits: one row for each hit of each answer.
"""


def create_statements() -> list[str]:
    """Creates every view anew."""
    return [f"CREATE OR REPLACE VIEW {name} AS {select.strip()}" for name, select in VIEWS.items()]
