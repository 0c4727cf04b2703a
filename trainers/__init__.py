"""The next model: when to retrain, on what, how, whether it is better, and how it takes over without a pause."""
