"""Heads: from an item's vector to the probabilities of its classes. Refitted in seconds as labels come."""
