"""Documentation pages with a task list, checked against a report."""
