"""Ratios against bare parts and peers, side by side in one run: `make bench`. Start with `harness.py`."""
