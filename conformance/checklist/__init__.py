"""What can be asked: rows of the checklist, and what the documentation claims of them."""
