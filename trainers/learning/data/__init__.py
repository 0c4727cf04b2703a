"""From a snapshot to one file that a run trains on."""
