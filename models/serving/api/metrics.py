"""Every metric of the API, with its unit and meaning; names are a promise to dashboards and alerts."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("millrace_http_requests", "Requests answered.", ["method", "route", "status"])
"""route: the path template, or `unmatched`"""

REQUEST_SECONDS = Histogram(
    "millrace_http_request_seconds",
    "Time from a request's headers to the end of its answer.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

IN_FLIGHT = Gauge("millrace_http_in_flight", "Requests in progress.")

SEARCH_FACTS = Counter("millrace_search_facts", "Facts about searches on their way to the log.", ["outcome"])
"""outcome: published | dropped (queue full, refused by the log, or still waiting when the grace of a stop ended)"""

SEARCHES = Counter("millrace_searches", "Searches by the arm that had to answer.", ["arm", "outcome"])
"""arm: live | candidate | previous. outcome: answered | failed (another arm answered in its place)"""

SEARCH_FACTS_WAITING = Gauge("millrace_search_facts_waiting", "Facts about searches that wait for the log.")

REPLAYED_ANSWERS = Counter("millrace_replayed_answers", "Requests answered from their idempotency key.")
