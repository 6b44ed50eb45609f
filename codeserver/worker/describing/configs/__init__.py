"""Config of jobs and resources: its types, its schema, and mistakes in it."""
