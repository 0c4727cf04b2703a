"""A test of whether a new model harms more often than the old one, which may be looked at after every search.

Chance gives each search to the new model with a known share s and to the old one otherwise, and the search is harmed
or not. The hypothesis is that the new one is not worse: its rate of harm is at most the old one's, whatever both rates
are, and however they change over time. With estimates of both rates from earlier searches, a search of model g with
outcome y is worth

    e = p_g(y) / (s p_new(y) + (1 - s) p_old(y)).

If both rates are the same, its expectation is 1: over g, s_g p_g(y) adds up to the denominator. As long as estimates
say that the new model is worse, e rises with harm to the new and falls with harm to the old one, so that a better new
model only lowers the expectation; where they do not, e is set to 1. Products of such factors are therefore
supermartingales, and the chance that one ever exceeds 1/a is at most a (Ville). Turner, Ly and Grünwald 2024, Generic
E-variables for exact sequential k-sample tests, has the theory for fixed groups; the lot here takes their place.
"""

import math
from dataclasses import dataclass

PRIOR = 1.0
"""Searches that the rate of both models together is worth in the estimate of each."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Searches of one model."""

    searches: int = 0
    harmed: int = 0

    @property
    def rate(self) -> float:
        """Share of harmed searches; 0 without any."""
        return self.harmed / self.searches if self.searches else 0.0

    def with_one(self, harmed: bool) -> "Tally":
        return Tally(self.searches + 1, self.harmed + harmed)


@dataclass(frozen=True, slots=True)
class Evidence:
    """That the new model does harm, by one measure of harm."""

    new: Tally = Tally()
    old: Tally = Tally()
    log_e: float = 0.0
    """Natural logarithm of the product so far."""

    def after(self, of_new: bool, harmed: bool, share: float) -> "Evidence":
        """With one more search. `share` is the chance with which the lot gave it to the new model."""
        log_e = self.log_e + math.log(self._factor(of_new, harmed, share))
        if of_new:
            return Evidence(self.new.with_one(harmed), self.old, log_e)
        return Evidence(self.new, self.old.with_one(harmed), log_e)

    def speaks(self, alpha: float, tolerance: float = 0.0) -> bool:
        """Whether it is enough to act on, at most a share `alpha` of the times when nothing is wrong.

        Models whose rates differ by no more than `tolerance` are left alone, however sure the difference is.
        """
        return self.log_e >= -math.log(alpha) and self.new.rate - self.old.rate > tolerance

    def _factor(self, of_new: bool, harmed: bool, share: float) -> float:
        new, old = self._estimates()
        if new <= old:
            return 1.0
        mixed = share * new + (1 - share) * old
        mine = new if of_new else old
        return mine / mixed if harmed else (1 - mine) / (1 - mixed)

    def _estimates(self) -> tuple[float, float]:
        """Rates of both, each drawn a little to the rate of both together; never 0 and never 1."""
        searches, harmed = self.new.searches + self.old.searches, self.new.harmed + self.old.harmed
        together = (harmed + 0.5) / (searches + 1)
        return _drawn(self.new, together), _drawn(self.old, together)


def _drawn(tally: Tally, rate: float) -> float:
    return (tally.harmed + PRIOR * rate) / (tally.searches + PRIOR)
