"""How a candidate takes over without a pause, and goes back by itself."""
