"""Every metric that a worker shows, with its unit and meaning; names are a promise to dashboards and alerts."""

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter("millrace_records", "Records that left a stage.", ["stage", "outcome"])
"""outcome: done | dead_lettered | parked"""

BATCH_SECONDS = Histogram(
    "millrace_batch_seconds",
    "Time from the first record of a micro-batch to its commit.",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)

BATCH_RECORDS = Histogram(
    "millrace_batch_records", "Records in a micro-batch.", ["stage"], buckets=(1, 2, 5, 10, 50, 100, 500, 1000, 10000)
)

AGE_SECONDS = Histogram(
    "millrace_event_age_seconds",
    "Age of the oldest record of a micro-batch when its batch was committed; the loop's health in one number.",
    ["stage"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 86400),
)

RETRIES = Counter("millrace_retries", "Times a stage waited for a dependency.", ["stage"])

WAITING = Gauge("millrace_waiting", "1 while a stage waits for a dependency.", ["stage"])

LAG_RECORDS = Gauge("millrace_lag_records", "Records between a stage and the end of its partitions.", ["stage"])

FAILURES = Counter("millrace_patrol_failures", "Times that what works beside the stages had to wait.", ["patrol"])
"""patrol: exporter | intake | trainer | evaluator | rollout | backfill | account"""

FACTS = Counter("millrace_window_facts", "Facts told of windows, later measurements included.", ["stage", "type"])
