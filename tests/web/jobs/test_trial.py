"""A trial of dead jobs, from the page."""

import pytest
from django.test import TestCase

from web.accounts.models import User
from web.jobs.tasks import release
from worker import api
from worker.api import canary


@pytest.fixture
def group(fail):
    fail("dead", 4)
    return api.groups().groups[0].id


@pytest.fixture
def page(browser, may):
    return lambda: browser(may("operate")).get("/jobs/dead/groups/").text


def test_one_is_tried_and_then_the_others_follow(act, page, group, worker, queue):
    assert ">Try one<" in page()
    assert "One of them was sent to its queue." in act("dead/groups/try/", group=group)
    assert "One of them is on its way." in page() and ">Try one<" not in page()
    assert "It has moved on meanwhile" in act("dead/groups/release/", group=group, rate="5")
    worker.finish(worker.fetch()[0])
    assert "It has succeeded." in page() and "Let the other 3 follow" in page()
    assert "The others follow, 5 in a second, until one fails." in act("dead/groups/release/", group=group, rate="5")
    assert queue("default") == ["web.jobs.tasks.release"]
    assert "0 have followed, 3 are left, 5 in a second." in page()
    assert "The trial was ended." in act("dead/groups/halt/", group=group)
    assert "It was stopped." in page() and api.dead.size() == 3


def test_one_that_fails_again_is_linked(act, page, group, worker):
    act("dead/groups/try/", group=group)
    (held,) = worker.fetch()
    worker.fail(held)
    (job,) = api.retries.page().jobs
    assert "It was stopped, since this one failed again:" in page() and f"/jobs/job/{job.id}/" in page()
    assert ">Try one<" in page()


def test_who_only_looks_sees_how_it_goes(act, look, group):
    act("dead/groups/try/", group=group)
    User.objects.get().user_permissions.clear()
    page = look("dead/groups/")
    assert "One of them is on its way." in page and "End this trial" not in page


def test_the_step_comes_back_until_all_have_followed(group, worker, queue, redis, monkeypatch, db):
    canary.try_one(group)
    worker.finish(worker.fetch()[0])
    canary.release(group, 1000)
    monkeypatch.setattr(canary, "clock", lambda: canary.canaries()[group].since + 60)
    with TestCase.captureOnCommitCallbacks(execute=True):
        release.func(group)
    assert (api.Queue("default").size(), api.dead.size()) == (3, 0)
    (job,) = api.scheduled.page().jobs
    assert (job.task, job.args) == ("web.jobs.tasks.release", [group])
    for held in worker.fetch():
        worker.finish(held)
    api.scheduled.delete_all()
    release.func(group)
    assert api.scheduled.size() == 0 and canary.canaries()[group].state == "over"
