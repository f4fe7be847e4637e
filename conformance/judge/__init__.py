"""What it means: verdicts, findings, and the rules that every answer keeps."""
