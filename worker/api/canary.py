"""Tries one of many dead jobs that failed alike, and when it succeeds the others, so many in a second.

The others stay dead until it is their turn, so whatever stops the trial stops it at once: the first that fails again, a
person, or that no worker is there to take the next step. `web/jobs/tasks.py` takes one each second.
"""

import json
from dataclasses import asdict, dataclass, field

from worker import keys
from worker.api.connection import CHUNK, MOST, clock, connection, scripts
from worker.api.groups import group as find_group
from worker.api.jobs import NotFound
from worker.api.jobset import dead
from worker.api.reading import mapping

SECONDS = 86_400  # for which the others are remembered


@dataclass
class Canary:
    """A trial. state: "trying" the first, "ready" for the others, "releasing" them, "stopped", or "over"."""

    group: str
    task: str | None
    error: str | None
    frame: str
    first: str  # the id of the job that was tried first
    state: str = "trying"
    rate: float = 0  # jobs in a second
    since: float = 0  # when the release began
    sent: int = 0
    left: int = 0
    pending: dict = field(default_factory=dict)  # id -> when it had failed, of those that are on their way
    failed: str = ""  # the id of the job that failed again

    @property
    def is_open(self):
        return self.state in ("trying", "ready", "releasing")


def try_one(id):
    """Run the newest dead job of a group now; returns its Canary. Raises NotFound when the group is not there."""
    group = find_group(id, MOST)
    if group is None:
        raise NotFound(f"no group {id} of dead jobs")
    first = group.picked[0]
    pending = failures(first[:1])
    if not dead.run_now([first]):
        raise NotFound(f"no job {first[0]} among the dead any more")
    left = len(group.entries) - 1
    return save(Canary(id, group.task, group.error, group.frame, first[0], pending=pending, left=left))


def canaries():
    """Every Canary that is remembered, by group, with what is known by now."""
    entries = connection().hvals(keys.CANARIES)
    return {canary.group: look(canary) for canary in (Canary(**mapping(entry)) for entry in entries)}


def look(canary):
    """See what became of the jobs that are on their way, and write it down if that changes the state."""
    if not canary.is_open or not canary.pending:
        return canary
    before, now = canary.state, failures(canary.pending)
    canary.failed = next((id for id, known in canary.pending.items() if now[id] and now[id] != known), "")
    canary.pending = {id: known for id, known in canary.pending.items() if now[id]}
    if canary.failed:
        canary.state = "stopped"
    elif canary.state == "trying" and not canary.pending:
        canary.state = "ready"
    return save(canary) if canary.state != before else canary


def release(id, rate):
    """Let the others of the group follow, `rate` in a second, as `step` is called.

    Raises NotFound when the first has not succeeded, or no others are there.
    """
    canary, group = canaries().get(id), find_group(id, MOST)
    if canary is None or canary.state != "ready" or group is None:
        raise NotFound(f"no group {id} of dead jobs of which the first has succeeded")
    known = failures([id for id, _ in group.picked])
    others = [json.dumps([id, at, known[id]]) for id, at in reversed(group.picked)]
    connection().delete(keys.canary(id))
    connection().rpush(keys.canary(id), *others)
    connection().expire(keys.canary(id), SECONDS)
    canary.state, canary.rate, canary.since, canary.left = "releasing", rate, clock(), len(others)
    return save(canary)


def step(id):
    """Move what is due by now to its queue; returns whether there is more to do."""
    canary = canaries().get(id)
    if canary is None or canary.state != "releasing":
        return False
    due = min(CHUNK, int((clock() - canary.since) * canary.rate) - canary.sent)
    next = [json.loads(each) for each in connection().lpop(keys.canary(id), due) or ()] if due > 0 else []
    canary.sent += dead.run_now([(id, at) for id, at, _ in next])
    canary.pending |= {id: known for id, _, known in next}
    canary.left = connection().llen(keys.canary(id))
    if not canary.left and not canary.pending:
        canary.state = "over"
    save(canary)
    return canary.is_open


def halt(id):
    """Stop a trial, or forget one that is over. Raises NotFound when there is none."""
    canary = canaries().get(id)
    if canary is None:
        raise NotFound(f"no trial of the group {id}")
    if canary.state == "releasing":
        canary.state = "stopped"
        save(canary)
    else:
        connection().hdel(keys.CANARIES, id)
    connection().delete(keys.canary(id))


def failures(ids):
    """{id: when the job has failed last, as text; empty when it is done}."""
    ids = list(ids)
    found = scripts().failures([keys.ATTEMPTS], ids) if ids else []
    return {id: when.decode() for id, when in zip(ids, found, strict=True)}


def save(canary):
    connection().hset(keys.CANARIES, canary.group, json.dumps(asdict(canary)))
    return canary
