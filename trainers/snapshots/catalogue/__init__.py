"""What there is to train on: the newest version of each item, and that older ones are gone."""
