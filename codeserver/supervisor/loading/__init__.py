"""Load the code: hosts, what they are forked from, and how further processes get the code."""
