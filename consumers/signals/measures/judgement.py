"""What feedback says about an item that was shown: wanted, not wanted, or neither."""

from schemas.searches import FeedbackGiven, FeedbackKind

LONG_DWELL_S = 30.0
"""Who stays this long has found something (Fox et al. 2005, Evaluating implicit measures to improve web search)."""
GOOD_RATING = 4.0
BAD_RATING = 2.0
RELEVANT = 0.5

COMPLAINTS = frozenset({FeedbackKind.CORRECTION, FeedbackKind.SAFETY})


def wanted(feedback: FeedbackGiven) -> bool | None:
    """Whether the person wanted what it is about; None if it does not say."""
    value = feedback.value
    match feedback.kind:
        case FeedbackKind.CLICK:
            return True
        case FeedbackKind.DWELL if value is not None and value >= LONG_DWELL_S:
            return True
        case FeedbackKind.RATING if value is not None:
            return True if value >= GOOD_RATING else False if value <= BAD_RATING else None
        case FeedbackKind.RELEVANCE if value is not None:
            return value >= RELEVANT
        case FeedbackKind.NO_RESULT:
            return False
    return None
