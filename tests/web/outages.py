import signal
from contextlib import suppress

import redis

from tests.servers import until


def kill(server):
    """Once its log is the system's: while another flush is under way it keeps for itself what it has answered."""
    client = redis.from_url(server.url)
    until(lambda: not client.info("persistence")["aof_buffer_length"], "the log to be written")
    server.stop(signal.SIGKILL)


def hang(server):
    server.process.send_signal(signal.SIGSTOP)


def bring_back(server):
    """Returns once it has read its log and answers."""
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGCONT)
    else:
        server.start()
    until(lambda: answers(server), "Redis, which reads its log first")


def answers(server):
    with suppress(redis.BusyLoadingError):
        return redis.from_url(server.url).ping()
