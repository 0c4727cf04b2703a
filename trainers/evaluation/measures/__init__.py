"""Values of each item: how well it is found, how well its class is known, how long it takes."""
