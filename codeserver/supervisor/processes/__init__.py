"""Processes of the server: started, forked, read, ended, and owned until their end."""
