"""The random arm, decided by lot before anything is known about an item.

Every item draws a number from its name. The items below the share are the reserve of the random arm: the active arm
never chooses them, and the random arm takes them in the order of their numbers. So it is a simple random sample of all
items, whatever the strategy does, and a replay draws the same.
"""

from hashlib import blake2b


def drawn(seed: int, tenant: str, task: str, item_id: str) -> float:
    """The item's number for a task, uniform in [0, 1)."""
    digest = blake2b(f"{seed}/{tenant}/{task}/{item_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def reserved(number: float, share: float) -> bool:
    """Whether the item belongs to the random arm."""
    return number < share


def random_due(share: float, asked: int, asked_at_random: int, batch: int) -> int:
    """How many of the next `batch` requests go to the random arm, so that it keeps its share of all requests."""
    wanted = round(share * (asked + batch)) - asked_at_random
    return min(max(wanted, 0), batch)
