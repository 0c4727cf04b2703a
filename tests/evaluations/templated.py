"""A trap for coverage: short sentences from templates, where one word decides the class.

Sentences of one template are neighbours whatever their class, so a label must not be taken for its neighbours' as well.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

_TEMPLATES = (
    "I {verb} the {thing} at this {place}.",
    "We {verb} the {thing} in that {place}.",
    "My sister said they {verb} the {thing} at the {place}.",
    "People who visit the {place} {verb} its {thing}.",
)
_VERBS = {
    "like": ("love", "like", "enjoy", "recommend", "praise", "admire", "adore", "appreciate"),
    "dislike": ("hate", "dislike", "avoid", "regret", "criticise", "despise", "loathe", "resent"),
}
_THINGS = ("food", "music", "service", "chairs", "menu", "coffee", "windows", "garden", "prices", "staff")
_PLACES = ("hotel", "museum", "café", "airport", "library", "market", "school", "theatre")


def templated_sentences(count: int = 2400) -> tuple[list[str], NDArray[np.str_]]:
    """Sentences with their classes, half of each, in a fixed random order."""
    pairs = [
        (template.format(verb=verb, thing=thing, place=place), label)
        for label, verbs in _VERBS.items()
        for template, verb, thing, place in product(_TEMPLATES, verbs, _THINGS, _PLACES)
    ]
    chosen = np.random.default_rng(0).permutation(len(pairs))[:count]
    return [pairs[place][0] for place in chosen], np.array([pairs[place][1] for place in chosen])
