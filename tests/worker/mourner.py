"""Imported by a worker: tells the test of every death."""

from worker import dead
from worker.connection import connect


def fail(death, error):
    raise RuntimeError("a handler that fails")


def tell(death, error):
    connect().rpush("test:died", f"{death.name} {death.queue} {death.args} {type(error).__name__}: {error}")


dead.handlers += [fail, tell]
