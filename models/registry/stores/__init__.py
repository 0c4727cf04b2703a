"""One store for each kind of row. `Registry` bundles them."""
