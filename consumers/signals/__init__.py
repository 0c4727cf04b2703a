"""What use tells: searches and feedback joined in windows of event time."""
