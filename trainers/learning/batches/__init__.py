"""Which examples a step sees, and how: functions of seed, step and place, whatever the number of ranks."""
