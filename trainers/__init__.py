"""The next model: when to retrain, on what, how, whether it is better, and how it takes over without a pause.

Empty for now: the facts that training will exchange are declared already, in `schemas/training.py`.
"""
