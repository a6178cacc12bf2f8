"""Celery's consumer without what needs remote control."""

from celery.worker import consumer


class Consumer(consumer.Consumer):
    """Gossip, mingle and event heartbeats each hold connections to Redis and slow the start; nothing reads them."""

    def __init__(self, *args, **options):
        options |= {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
        super().__init__(*args, **options)
