"""Does not load: an error that was raised from another, while a third was handled."""


def read_settings():
    try:
        {}["settings"]
    except KeyError:
        open("/no/such/file")


def connect():
    try:
        read_settings()
    except OSError as error:
        raise ConnectionError("the database has no settings") from error


connect()
