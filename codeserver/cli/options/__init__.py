"""Options that several commands have, and the meaning of their values."""
