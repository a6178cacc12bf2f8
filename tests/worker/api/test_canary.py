import time

import pytest

from worker import api, keys
from worker.api import canary


@pytest.fixture
def group(bury):
    """The id of a group of five dead jobs."""
    bury(5)
    return api.groups().groups[0].id


@pytest.fixture
def ready(group, worker):
    """The same, when the first of it has succeeded."""
    canary.try_one(group)
    (held,) = worker.fetch()
    worker.finish(held)
    assert canary.canaries()[group].state == "ready"
    return group


@pytest.fixture
def clock(monkeypatch):
    """The clock of a release, which a test moves: `clock(3)`."""
    now = [time.time()]
    monkeypatch.setattr(canary, "clock", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def states():
    return [each.state for each in canary.canaries().values()]


def test_one_is_tried_and_the_others_stay(group, worker):
    made = canary.try_one(group)
    assert (made.state, made.left, api.dead.size(), api.Queue("default").size()) == ("trying", 4, 4, 1)
    assert states() == ["trying"]
    (held,) = worker.fetch()
    assert states() == ["trying"]
    worker.finish(held)
    assert states() == ["ready"]
    assert (api.dead.size(), api.ledger().stranded) == (4, 0)


@pytest.mark.parametrize("key", [keys.RETRY, keys.DEAD])
def test_when_it_fails_again_that_is_the_end(group, worker, key):
    first = canary.try_one(group).first
    worker.fail(worker.fetch()[0], key)
    assert states() == ["stopped"]
    assert canary.canaries()[group].failed == first
    with pytest.raises(api.NotFound):
        canary.release(group, 5)


def test_the_others_follow_at_their_rate(ready, worker, clock):
    canary.release(ready, 2)
    assert canary.step(ready) is True
    assert api.Queue("default").size() == 0
    clock(1)
    assert canary.step(ready) is True and canary.step(ready) is True
    assert (api.Queue("default").size(), api.dead.size()) == (2, 2)
    clock(1)
    canary.step(ready)
    assert (api.Queue("default").size(), api.dead.size()) == (4, 0)
    assert canary.step(ready) is True, "they have not succeeded yet"
    for held in worker.fetch():
        worker.finish(held)
    assert canary.step(ready) is False
    assert states() == ["over"]
    assert (canary.canaries()[ready].sent, api.ledger().done, api.ledger().stranded) == (4, 5, 0)


def test_the_first_that_fails_again_stops_the_rest(ready, worker, clock):
    canary.release(ready, 2)
    clock(1)
    canary.step(ready)
    good, bad = worker.fetch()
    worker.finish(good), worker.fail(bad)
    clock(10)
    assert canary.step(ready) is False
    assert states() == ["stopped"]
    assert canary.canaries()[ready].failed in bad.message.decode()
    assert (api.dead.size(), api.retries.size(), api.Queue("default").size()) == (2, 1, 0)


def test_somebody_stops_it_and_then_forgets_it(ready, clock):
    canary.release(ready, 1)
    canary.halt(ready)
    clock(10)
    assert canary.step(ready) is False
    assert (states(), api.dead.size()) == (["stopped"], 4)
    canary.halt(ready)
    assert states() == []
    with pytest.raises(api.NotFound):
        canary.halt(ready)


def test_others_that_have_moved_on_are_left_alone(ready, clock, redis):
    canary.release(ready, 10)
    api.delete(api.dead, api.groups().groups[0].picked[:3])
    clock(1)
    canary.step(ready)
    assert (api.Queue("default").size(), canary.canaries()[ready].sent, api.ledger().stranded) == (1, 1, 0)


def test_a_group_that_is_not_there(redis):
    with pytest.raises(api.NotFound):
        canary.try_one("unknown")
    with pytest.raises(api.NotFound):
        canary.release("unknown", 5)
    assert canary.step("unknown") is False
