"""Code that counts on one process: it has a socket that no second one can have, and a memory.

With HOLDS set it has the socket, and a thread that serves it.
"""

import os
import socket
import threading

import dagster as dg

COUNT = 0

if os.environ.get("HOLDS"):
    # An abstract name is free again when the process is gone, as a port is.
    SOCKET = socket.socket(socket.AF_UNIX)
    SOCKET.bind("\0" + os.environ["DAGSTER_HOME"])
    SOCKET.listen()
    threading.Thread(target=SOCKET.accept, daemon=True, name="metrics").start()


@dg.op
def nothing(): ...


@dg.static_partitioned_config(["a", "b"])
def parts(key):
    return {}


@dg.job(config=parts)
def partitioned():
    nothing()


@dg.sensor(job=partitioned)
def counter():
    global COUNT
    COUNT += 1
    return dg.SkipReason(str(COUNT))


defs = dg.Definitions(jobs=[partitioned], sensors=[counter])
