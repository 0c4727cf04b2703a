"""How good a model is, measured item by item on the side that never trains."""
