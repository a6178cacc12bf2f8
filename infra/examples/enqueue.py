"""Enqueues jobs from a program that has neither Django nor Celery: REDIS_URL=… python enqueue.py"""

from worker import client

# In Sidekiq: HardWorker.perform_async('bob', 5), perform_in(300, 'bob', 5), perform_bulk([['ann', 1], ['eve', 2]])
now = client.push("hard_worker.work", ["bob", 5])
later = client.push("hard_worker.work", ["bob", 5], seconds=300)
many = client.push_bulk("hard_worker.work", [["ann", 1], ["eve", 2]])

print(now, later, *many, sep="\n")
