"""Output of commands: text for people, records for programs, the log."""
