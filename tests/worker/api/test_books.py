"""The ledger adds up after whatever anybody does, in whatever order."""

import random

import pytest

from worker import api, client, dead, keys, reaper, scheduled
from worker.api import books, walk


def test_an_empty_redis_has_an_empty_ledger(redis):
    assert sum(api.ledger()[:-1]) == 0


def test_each_place_is_counted(redis, push, worker, retry, bury):
    retry(2), bury(3)
    for _ in range(6):
        push()
    held = worker.fetch(5)
    worker.finish(held[0])
    worker.finish(held[1], "discarded")
    worker.finish(held[2], "expired")
    push(seconds=60)
    ledger = api.ledger()
    assert (ledger.waiting, ledger.scheduled, ledger.retrying, ledger.inflight, ledger.dead) == (1, 1, 2, 2, 3)
    assert (ledger.done, ledger.discarded, ledger.expired, ledger.deleted) == (1, 1, 1, 0)
    assert (ledger.accepted, ledger.fetched, ledger.stranded, ledger.orphaned) == (12, 10, 0, 0)


def test_a_job_that_vanished_is_stranded_and_one_in_two_places_counts_against(redis, retry):
    retry(2)
    entry, score = redis.zpopmin(keys.RETRY)[0]
    assert api.ledger().stranded == 1
    redis.zadd(keys.RETRY, {entry: score, entry + b" ": score})
    assert api.ledger().stranded == -1


def test_what_a_process_holds_that_is_not_registered_is_orphaned(redis, push, worker, monkeypatch):
    monkeypatch.setattr(books, "inflights", walk.Walk("hash", bool, match="inflight:*"))
    push(), push()
    worker.fetch(2)
    assert (api.ledger().inflight, api.ledger().orphaned) == (2, 0)
    redis.zrem(keys.PROCESSES, worker.process.id)
    assert (api.ledger().inflight, api.ledger().orphaned, api.ledger().stranded) == (2, 2, 0)


def test_it_says_whether_it_has_seen_the_names_of_all_keys(redis, monkeypatch):
    monkeypatch.setattr(walk, "STEP", 10)
    monkeypatch.setattr(books, "inflights", walk.Walk("hash", bool, match="inflight:*"))
    redis.mset({f"string {number}": 1 for number in range(100)})
    assert not api.ledger(look_at=10).complete
    assert api.ledger(look_at=None).complete


class World:
    """Everything that can happen to jobs, at random; `accepted` is how many there are by our own count."""

    def __init__(self, seed, redis, worker):
        self.random, self.redis, self.worker = random.Random(seed), redis, worker
        self.accepted, self.held, self.cleared = 0, [], []

    def push(self):
        for _ in range(self.random.randint(1, 5)):
            queue, seconds = self.random.choice(["default", "mailers"]), self.random.choice([None, None, 60])
            client.push("tasks.count", queue=queue, seconds=seconds)
            self.accepted += 1

    def garbage(self):
        self.redis.lpush("default", f"garbage {self.accepted}")
        self.accepted += 1

    def fetch(self):
        self.held += [held for held in self.worker.fetch(self.random.randint(1, 4)) if b"garbage" not in held.message]

    def finish(self):
        for held in self.some_held():
            self.worker.finish(held, self.random.choice(["done", "discarded", "expired"]))

    def fail(self):
        for held in self.some_held():
            self.worker.fail(held, self.random.choice([keys.RETRY, keys.RETRY, keys.DEAD]))

    def release(self):
        for held in self.some_held():
            self.worker.release(held)

    def some_held(self):
        self.random.shuffle(self.held)
        some, self.held = self.held[:2], self.held[2:]
        return some

    def die(self):
        self.worker.die()
        self.held = []

    def come_due(self):
        for key in (keys.SCHEDULE, keys.RETRY):
            for entry in self.redis.zrange(key, 0, 2):
                self.redis.zadd(key, {entry: 0})
        scheduled.promote(self.worker.process.scripts)

    def trim(self):
        dead.trim(self.worker.process.scripts)

    def on_a_set(self):
        jobs = self.random.choice([api.scheduled, api.retries, api.dead])
        orders = ["run_now", "delete"] + ["kill"] * (jobs is not api.dead)
        picked = [(job.id, job.place.at) for job in jobs.page(1, 50).jobs]
        getattr(jobs, self.random.choice(orders))(self.random.sample(picked, min(2, len(picked))))

    def on_all_of_a_set(self):
        jobs = self.random.choice([api.scheduled, api.retries, api.dead])
        orders = ["run_all_now", "delete_all"] + ["kill_all"] * (jobs is not api.dead)
        getattr(jobs, self.random.choice(orders))()

    def delete_waiting(self):
        queue = api.Queue(self.random.choice(["default", "mailers"]))
        picked = [(job.id, job.place.at) for job in queue.page(1, 50).jobs]
        queue.delete(self.random.sample(picked, min(3, len(picked))))

    def clear(self):
        name = self.random.choice(["default", "mailers"])
        self.cleared.append((name, api.Queue(name).clear().token))

    def undo(self):
        if self.cleared:
            name, token = self.cleared.pop()
            api.Queue(name).undo(token)


DEEDS = [name for name, deed in vars(World).items() if callable(deed) and name not in ("__init__", "some_held")]


@pytest.mark.parametrize("seed", range(5))
def test_it_adds_up_after_every_step(redis, worker, monkeypatch, seed):
    monkeypatch.setattr(dead, "KEPT", 5)
    monkeypatch.setattr(reaper, "POISON", 2)
    world = World(seed, redis, worker)
    done = set()
    for _ in range(150):
        deed = world.random.choice([*DEEDS, "push", "push", "fetch", "fetch", "fail"])
        getattr(world, deed)()
        done.add(deed)
        ledger = api.ledger()
        assert (ledger.accepted, ledger.stranded, ledger.orphaned) == (world.accepted, 0, 0), deed
        parts = ledger.waiting + ledger.scheduled + ledger.retrying + ledger.inflight + ledger.dead + sum(ledger[6:10])
        assert parts == ledger.accepted, deed
    assert done == set(DEEDS)
    assert set(ledger._fields[6:10]) == {"done", "deleted", "discarded", "expired"}


def test_what_dead_processes_hold_is_given_back_now(redis, push, worker, monkeypatch):
    monkeypatch.setattr(books, "inflights", walk.Walk("hash", bool, match="inflight:*"))
    held = [push(number) for number in range(3)]
    worker.fetch(2)
    redis.hset(keys.inflight("gone"), 1, b"default\n" + redis.rpop("default"))
    assert (api.ledger().orphaned, api.rescue()) == (1, 1)
    assert [job.id for job in api.Queue("default").page().jobs] == held[2:]
    redis.zadd(keys.PROCESSES, {worker.process.id: 1})
    assert api.rescue() == 2
    assert {job.id for job in api.Queue("default").page().jobs} == set(held)
    assert api.rescue() == 0
