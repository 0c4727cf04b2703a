"""The account of labels saved: what the active arm was worth against the random one, with how sure that is."""
