"""What goes out: requests as Label Studio's tasks and predictions, and the project that holds a task's tasks."""
