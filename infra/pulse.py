"""`python -m infra.pulse`: succeed while the worker on this host gives signs of life, for its container's health check.

It asks the jobs Redis, and judges as other workers do before they take one for dead: a worker that hangs is silent
there, one that runs a long job is not.
"""

import sys

import redis

from worker import config, keys
from worker.connection import connect
from worker.process import HOST
from worker.reaper import SILENCE


def main():
    if config.ENGINE != "kickstand":
        print("Celery's own engine gives no sign of life to ask for: that its process runs is all that is known")
        return
    try:
        silence = seconds_of_silence(connect(timeout=2))
    except redis.RedisError as error:
        # Not the worker's fault, and nothing that starting it anew would mend. Redis has a health check of its own.
        print(f"Redis does not answer, so nothing is known of the worker: {error}")
        return
    if silence is None:
        sys.exit(f"no worker on {HOST} has given a sign of life")
    if silence >= SILENCE:
        sys.exit(f"the last sign of life of the worker on {HOST} is {silence:.0f} s old")


def seconds_of_silence(client):
    """Since the last sign of life of a process on this host, by the clock of Redis; None when there was none."""
    processes = client.zrange(keys.PROCESSES, 0, -1, withscores=True)
    heard = [last for name, last in processes if name.decode().rsplit(":", 2)[0] == HOST]
    seconds, microseconds = client.time()
    return seconds + microseconds / 1e6 - max(heard) if heard else None


if __name__ == "__main__":
    main()
