"""How much a label of each item would teach, by the current head and the neighbours in the index."""
