"""How many labels the selection saved, with an interval, told by the random arm."""
