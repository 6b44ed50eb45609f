"""Load the user's code, and record what that used and left behind."""
