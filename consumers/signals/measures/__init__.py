"""What is told of use: each module one kind of fact, as pure functions of impressions."""
