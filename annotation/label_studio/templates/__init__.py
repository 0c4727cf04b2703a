"""Label Studio's side of each kind of task: the page, the data shown, and answers in both directions."""
