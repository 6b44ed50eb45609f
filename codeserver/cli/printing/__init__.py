"""Everything that commands print: text for people, records for programs, the log."""
