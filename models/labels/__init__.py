"""Labels as training and scoring read them: the outcome of all answers, one row an item and task."""
