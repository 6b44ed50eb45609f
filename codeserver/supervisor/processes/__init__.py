"""The processes of the server: their start, forks, output and end."""
