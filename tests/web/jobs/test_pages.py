"""Each page shows what is in Redis, as text, and not what is secret."""

import json
import re

import pytest

from worker import api, keys


def test_the_overview_counts(look, push, fail, worker):
    fail("retry", 2), fail("dead", 3)
    [push() for _ in range(4)], push(seconds=600)
    worker.fetch(1)
    page = look()
    shown = dict(re.findall(r'data-testid="(\w+)">([\d,]+)<', page))
    assert shown == {"processed": "5", "failed": "5", "busy": "1", "enqueued": "3", "scheduled": "1", "retries": "2",
                     "dead": "3"}  # fmt: skip


def test_numbers_and_times_are_those_of_the_reader(look, redis, browser, staff):
    redis.hset(keys.PROCESSED, "total", 1234567)
    assert "1,234,567" in look()
    page = browser(staff).get("/jobs/", headers={"accept-language": "ja"}).text
    assert '<html lang="ja">' in page and "1,234,567" in page


def test_history_has_a_choice_of_four(look, redis):
    today = redis.time()[0] // 86400
    redis.hset(keys.PROCESSED, mapping={today: 7, today - 100: 11})
    redis.hset(keys.FAILED, mapping={today: 2})
    history = {span: look(f"?span={span}").split("History, by day")[1] for span in ("week", "month", "quarter", "half")}
    assert ["7 in all, 2 failed" in page for page in history.values()] == [True, True, True, False]
    assert "18 in all, 2 failed" in history["half"]
    assert "7 in all" in look("?span=nonsense").split("History, by day")[1]


def test_a_chart_has_a_title_and_a_table(look, redis):
    redis.hset(keys.PROCESSED, mapping={redis.time()[0] // 86400: 7})
    page = look()
    assert page.count("<svg viewBox") == page.count('role="img"') == page.count("As a table") == 2
    assert re.search(r'<th scope="row">[^<]+</th><td class="number">7</td>', page)


def test_a_redis_that_may_lose_jobs_is_a_warning(look, redis):
    assert 'data-testid="finding"' not in look()
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        page = look()
    finally:
        redis.config_set("maxmemory-policy", "noeviction")
    assert "Redis deletes jobs as soon as a maxmemory is set" in page
    assert "CONFIG SET maxmemory-policy noeviction" in page


PAGES = ["", "busy/", "queues/", "scheduled/", "retries/", "dead/", "dead/groups/", "periodic/", "metrics/", "ledger/"]


@pytest.mark.parametrize("path", PAGES)
def test_a_queue_that_nobody_listens_to_is_flagged_on_every_page(look, push, worker, path):
    assert 'class="alarm"' not in look(path)
    push(queue="big; rm -rf")
    page = look(path)
    assert "Nobody listens to the queue big; rm -rf." in page
    assert "celery -A worker worker -Q &#x27;big; rm -rf&#x27;" in page


@pytest.mark.parametrize("path", PAGES)
def test_that_no_worker_is_alive_is_flagged_on_every_page(look, push, path):
    push()
    assert "No worker is alive." in look(path)


def test_busy_shows_processes_and_jobs(look, push, worker, redis):
    id = push("tasks.count", 7)
    worker.fetch(1)
    (tag,) = worker.process.held
    told = {"id": id, "started": redis.time()[0] - 42, "thread": "job-3", "progress": [40, 200, "photos"]}
    redis.hset(keys.work(worker.process.id), tag, json.dumps(told))
    page = look("busy/")
    assert worker.process.id in page and "job-3" in page and "photos" in page and "40/200" in page
    assert re.search(r"4[2-9] s", page)
    assert '<progress max="200" value="40"' in page


def test_a_process_that_is_silent_or_quiet_says_so(look, worker, redis):
    assert 'class="tag"' not in look("busy/")
    redis.hset(keys.process(worker.process.id), "quiet", 1)
    assert "quiet</b>" in look("busy/")
    redis.zadd(keys.PROCESSES, {worker.process.id: 1})
    assert "silent</b>" in look("busy/")


def test_queues_tell_when_they_will_be_empty(look, push, worker, redis):
    [push() for _ in range(30)]
    minute = redis.time()[0] // 60
    redis.hset(keys.metrics(minute), "@default|n", 1_000_000)
    assert "at the present rate" in look("queues/") and "with one more worker" in look("queues/")
    api.Queue("default").pause()
    assert "at the present rate" not in look("queues/")


def test_a_queue_is_paged_from_its_oldest(look, push, worker):
    ids = [push("tasks.count", number) for number in range(60)]
    pages = [look(f"queues/default/?page={number}") for number in (1, 2, 3)]
    assert [[id in page for page in pages].index(True) for id in ids] == [0] * 25 + [1] * 25 + [2] * 10
    assert "Page 3 of 3, 60 jobs" in pages[2]
    assert look("queues/default/?page=x") and "Page 3 of 3" in look("queues/default/?page=999999")


@pytest.mark.parametrize("path, key", [("retries/", "retry"), ("dead/", "dead"), ("dead/groups/", "dead")])
def test_failed_jobs_show_their_error(look, fail, path, key):
    fail(key, error="KeyError", message="<script>alert(1)</script>")
    page = look(path)
    assert "KeyError" in page and "<script>alert" not in page


@pytest.mark.parametrize("text", ["tasks.count", "COUNT", "ValueError", "needle"])
def test_a_search_finds_and_says_at_how_many_it_looked(look, fail, push, text):
    fail("retry", 3, message="a needle")
    page = look(f"retries/?q={text}")
    assert page.count('data-testid="job"') == 3 and "3 found; looked at 3 of 3." in page
    page = look("retries/?q=nothing")
    assert "0 found; looked at 3 of 3." in page and "Nothing was found" in page


def test_a_search_is_not_repeated_by_itself(look, push):
    push()
    assert " data-still>" in look("queues/default/?q=x") and " data-still>" not in look("queues/default/")


def test_a_search_in_a_queue_and_in_schedule(look, push):
    push("tasks.count", "apple"), push("tasks.count", "pear"), push("tasks.count", "apple", seconds=60)
    assert "1 found; looked at 2 of 2." in look("queues/default/?q=APPLE")
    assert "1 found; looked at 1 of 1." in look("scheduled/?q=apple")


HTML = "<script>alert(1)</script><b id=x>"


@pytest.mark.parametrize("path", ["queues/default/", "scheduled/", "retries/", "dead/", "dead/groups/", "busy/"])
def test_what_a_job_says_is_text(look, push, worker, fail, path):
    fail("retry", task=HTML, error=HTML, message=HTML), fail("dead", task=HTML, error=HTML, message=HTML)
    push(HTML, HTML, **{HTML: HTML}), push(HTML, HTML, seconds=60), push(HTML, HTML)
    worker.fetch(1)
    page = look(path)
    assert "<script>alert" not in page and "<b id=x>" not in page
    assert "&lt;b id=x&gt;" in page


@pytest.mark.parametrize("path", ["queues/default/", "scheduled/", "retries/", "dead/", "busy/"])
def test_secrets_are_hidden(look, push, worker, redis, path):
    secret = {"password": "hunter2", "API_TOKEN": "hunter2", "nested": {"authorization": ["hunter2"]}, "user": "carol"}
    for key in (keys.RETRY, keys.DEAD):
        push("tasks.count", **secret)
        (held,) = worker.fetch(1)
        worker.fail(held, key)
    push("tasks.count", **secret), push("tasks.count", seconds=60, **secret), push("tasks.count", **secret)
    worker.fetch(1)
    page = look(path)
    assert "carol" in page and "hunter2" not in page


def test_metrics_are_sorted_and_have_ranges(look, redis):
    minute = redis.time()[0] // 60
    redis.hset(keys.metrics(minute), mapping={"a.slow|n": 2, "a.slow|ms": 9000, "a.slow|h8": 2, "b.often|n": 50,
               "b.often|ms": 500, "b.often|h0": 49, "b.often|h3": 1, "b.often|f": 4, "@default|n": 52})  # fmt: skip
    redis.hset(keys.metrics(minute - 90), mapping={"c.old|n": 1, "c.old|ms": 10})
    order = re.findall(r">([abc]\.\w+)</a>", look("metrics/"))
    assert order == ["a.slow", "b.often"]
    assert re.findall(r">([abc]\.\w+)</a>", look("metrics/?sort=count&hours=2")) == ["b.often", "a.slow", "c.old"]
    assert "@default" not in look("metrics/")
    page = look("metrics/b.often/")
    assert "&lt; 20 ms" in page and "50 in all, 4 failed" in page and page.count('class="heat ') == 2
    assert "No attempt ended in this time." in look("metrics/unknown/")


def test_a_release_is_marked_even_when_its_workers_are_gone(look, worker, redis, monkeypatch):
    minute = redis.time()[0] // 60
    redis.hset(keys.metrics(minute), mapping={"a.b|n": 2, "a.b|ms": 9000, "a.b|h8": 2})
    monkeypatch.setattr("worker.config.RELEASE", "v41")
    worker.beat()
    redis.zadd(keys.RELEASES, {"v41": redis.time()[0] - 600}, xx=True)
    worker.beat()
    redis.zrem(keys.PROCESSES, worker.process.id)
    page = look("metrics/a.b/")
    assert "v41" in page and 'class="mark"' in page


def test_the_ledger_adds_up(look, push, fail, worker):
    fail("dead", 2), push(), push(seconds=60), push()
    worker.finish(worker.fetch(1)[0])
    page = look("ledger/")
    assert dict(re.findall(r'data-testid="(\w+)">.*?<b>([\d,]+)</b>', page)) == {
        "accepted": "5", "waiting": "1", "scheduled": "1", "retrying": "0", "inflight": "0", "dead": "2", "done": "1",
        "deleted": "0", "discarded": "0", "expired": "0",
    }  # fmt: skip
    assert "It adds up" in page


def test_the_ledger_tells_of_what_is_stranded(look, redis):
    redis.hset(keys.LEDGER, "fetched", 3)
    assert "3 jobs are stranded" in look("ledger/")


def test_a_rule_that_cannot_be_read_is_a_sentence(look, monkeypatch):
    from worker import periodic
    from worker.errors import ConfigurationError

    def entries():
        raise ConfigurationError("tasks.x has every=-1: use seconds above 0")

    monkeypatch.setattr(periodic, "entries", entries)
    assert "tasks.x has every=-1: use seconds above 0" in look("periodic/")


def test_stats_are_numbers(look, push, worker, fail):
    fail("dead", 2), push(), push(queue="nobody")
    stats = json.loads(look("stats"))
    assert (stats["processed"], stats["failed"], stats["waiting"], stats["dead"], stats["processes"]) == (2, 2, 2, 2, 1)
    assert stats["queues"]["nobody"]["unheard"] is True and stats["queues"]["default"]["size"] == 1


def test_latency_is_a_plain_number(look, redis, push):
    assert look("queues/default/latency") == "0.000\n"
    push()
    redis.lpush("default", re.sub(rb'"enqueued_at": [\d.]+', b'"enqueued_at": 1000', redis.rpop("default")))
    assert float(look("queues/default/latency")) > 1_000_000_000


@pytest.mark.parametrize("name", ["retry", "stat:ledger", "processes", "inflight:x"])
def test_our_own_keys_are_no_queues(look, name):
    look(f"queues/{name}/", status=404)
    look(f"queues/{name}/latency", status=404)


@pytest.mark.parametrize("name", ["a/b", "ünï", "a b", "a%2Fb", "<b>", "latency", "x/latency"])
def test_a_queue_may_be_called_anything(look, push, name):
    from django.urls import reverse

    push(queue=name)
    assert "1 job, the oldest for" in look(reverse("jobs_queue", args=[name]).removeprefix("/jobs/"))
    assert float(look(reverse("jobs_latency", args=[name]).removeprefix("/jobs/"))) < 60
    assert reverse("jobs_queue", args=[name]) in look("queues/")
