"""What the bridge shows of itself."""

from prometheus_client import Counter, Gauge

TASKS = Counter("millrace_bridge_tasks", "Tasks in Label Studio, by what was done with them.", ["outcome"])
"""outcome: created | found | updated | removed | twin_removed | refused"""

ANSWERS = Counter("millrace_bridge_answers", "Facts about annotations, by what happened.", ["outcome"])
"""outcome: completed | changed | withdrawn | malformed"""

FOREIGN = Counter("millrace_bridge_foreign_tasks", "Looks at tasks that somebody else made; they are left alone.")

REQUESTS = Gauge("millrace_bridge_requests", "Requests in the bridge.", ["state"])
"""state: pending (in the outbox) | sent (open in Label Studio)"""

WEBHOOKS = Counter("millrace_bridge_webhooks", "Calls of the webhook.", ["outcome"])
"""outcome: heeded | refused | too_large"""
