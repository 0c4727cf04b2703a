"""How to train: recipes with their overrides and their hash."""
