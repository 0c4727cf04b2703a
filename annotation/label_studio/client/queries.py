"""Filters of the Data Manager, as the task list takes them."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from annotation.label_studio.client.rows import ITEM_ID

MOST_IN_ADDRESS = 100
MOST_IN_BODY = 1_000
LONGEST_QUERY = 3_000
"""Characters of a query in an address; percent-encoding may triple them, and beyond 12 kB servers begin to refuse."""

TASK = "id,data,meta,updated_at,overlap,is_labeled"
ANNOTATIONS = "annotations,result,completed_by,updated_by,was_cancelled,ground_truth,lead_time,created_at"
"""The inner fields have to be named as well, or annotations come without them."""

Filter = dict[str, Any]


def updated_since(moment: datetime) -> Filter:
    """At or after a moment. Without its microseconds the server fails."""
    value = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return _filter("updated_at", "greater_or_equal", "Datetime", value)


def after(task_id: int) -> Filter:
    return _filter("id", "greater", "Number", task_id)


def of_items(item_ids: Sequence[str]) -> Filter:
    return _filter(f"data.{ITEM_ID}", "in_list", "List", list(item_ids))


def query(filters: Sequence[Filter], ordering: str) -> dict[str, Any]:
    return {"filters": {"conjunction": "and", "items": list(filters)}, "ordering": [f"tasks:{ordering}"]}


def placed(asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A query as parameters of the address or, where it is too long for that, as the body."""
    words = json.dumps(asked)
    return ({"query": words}, None) if len(words) <= LONGEST_QUERY else ({}, asked)


def chunks(item_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """A few ids fit into an address; many go as bodies of bounded size."""
    size = MOST_IN_ADDRESS if len(item_ids) <= MOST_IN_ADDRESS else MOST_IN_BODY
    for start in range(0, len(item_ids), size):
        yield item_ids[start : start + size]


def _filter(column: str, operator: str, kind: str, value: Any) -> Filter:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}
