"""Metrics of signals, with their unit and meaning; names are a promise to dashboards and alerts."""

from prometheus_client import Counter, Gauge

EVENTS = Counter("millrace_signal_events", "Searches and feedback that were read.", ["outcome"])
"""outcome: counted | repeated | late (its window had closed) | early (from the future) | unmatched (its answer is not
known, or no longer) | crowded (too many are open) | passed (counted before a restart) |
unanswered (by this model; another one did) | unreadable"""

OPEN = Gauge("millrace_signal_open", "Searches and feedback in open windows, and feedback that waits for its search.")
