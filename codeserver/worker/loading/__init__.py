"""Load the user's code, and record the files that it used and the state that it left behind."""
