"""Load the code: hosts, the processes that they are forked from, and starters of workers."""
