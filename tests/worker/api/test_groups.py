import pytest

from worker import api, dead, keys


@pytest.fixture
def die(redis, push, worker):
    """Jobs that failed with a real exception: `die(3, KeyError, at=1)`; gives their ids."""

    def die(count, kind, at=1):
        def here():
            raise kind("no")

        def there():
            raise kind("no")

        ids = [push(number) for number in range(count)]
        for held in worker.fetch(count):
            try:
                here() if at == 1 else there()
            except Exception as error:
                names = [worker.process.inflight, keys.DEAD, keys.ATTEMPTS, keys.PROCESSED, keys.FAILED, keys.LEDGER]
                worker.process.scripts.fail(names, [held.tag, ids[0], 0, dead.record_of(error, 1)])
                id = held.message.decode().split('"id": "')[1].split('"')[0]
                worker.process.scripts.fail(names, [held.tag, id, 0, dead.record_of(error, 1)])
                redis.hset(keys.ATTEMPTS, id, dead.record_of(error, 1))
                worker.process.moved(held)
        return ids

    return die


def test_those_that_failed_alike_are_together(redis, die, push):
    alike, elsewhere, otherwise = die(3, KeyError), die(2, KeyError, at=2), die(1, ValueError)
    redis.zadd(keys.DEAD, {b"default\nno message": 1})
    found = api.groups()
    assert [len(group.entries) for group in found.groups] == [3, 2, 1, 1]
    assert (found.looked, found.total) == (7, 7)
    first, second, *others = found.groups
    assert {id for id, _ in first.picked} == set(alike) and {id for id, _ in second.picked} == set(elsewhere)
    assert (first.task, first.error) == ("tasks.count", "KeyError")
    assert first.frame.startswith("worker/api/test_groups.py:") and first.frame.endswith(" in here")
    assert second.frame.endswith(" in there")
    assert {(each.task, each.error, each.frame) for each in others} == {
        ("tasks.count", "ValueError", first.frame), (None, None, ""),
    }  # fmt: skip
    assert [id for group in others for id, _ in group.picked if group.task] == otherwise


def test_a_group_is_found_again(redis, die):
    die(2, KeyError)
    (group,) = api.groups().groups
    assert api.group(group.id).picked == group.picked
    assert api.group("unknown") is None


def test_it_says_at_how_many_it_looked(redis, die):
    die(5, KeyError)
    found = api.groups(most=3)
    assert (found.looked, found.total, len(found.groups[0].entries)) == (3, 5, 3)


def test_none_are_dead(redis):
    assert api.groups() == ([], 0, 0)
