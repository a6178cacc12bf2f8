"""One suite in two sizes: the short run of `make test`, and the full one of `make chaos`."""

import os

FULL = os.environ.get("CHAOS") == "full"
# Bounds of time, not of loss: the short run shares the machine with other tests, and runs several cases at once.
SLACK = 1 if FULL else 10
# In a case that does not need more: to start one takes a second of a core.
WORKERS = 2 if FULL else 1


def sized(short, full):
    return full if FULL else short
