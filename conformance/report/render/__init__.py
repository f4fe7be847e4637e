"""What report.json is rendered to, besides the HTML page."""
