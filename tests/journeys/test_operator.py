"""What an operator does at /jobs/, in a browser, to real workers."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.people import PASSWORD, Visitor
from tests.servers import Stack, until

TASKS = "tests.journeys.tasks"


class Site(Stack):
    """One whose app has the tasks of this module's neighbour."""

    def copy_checkout(self):
        super().copy_checkout()
        with (self.folder / "web/feed/tasks.py").open("a") as tasks:
            tasks.write(f"\nfrom {TASKS} import *\n")

    def shell(self, text):
        return self.manage("shell", "--no-imports", "-c", f"from {TASKS} import *\n{text}")


class Operator(Visitor):
    """Somebody at the dashboard."""

    def sign_in(self, name):
        self.page.goto("/jobs/")
        self.page.fill("[name=username]", name)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("main form button")
        self.page.wait_for_url("**/jobs/")
        return self

    def see(self, path):
        self.page.goto(f"/jobs/{path}")
        return self.page

    def press(self, label, within=None):
        """Click a button, and return what the next page tells."""
        (within or self.page.locator("main")).get_by_role("button", name=label, exact=True).first.click()
        return self.page.locator(".notice").first.inner_text()

    def row(self, text, kind="job"):
        return self.page.get_by_test_id(kind).filter(has_text=text)

    def picked(self, *texts):
        for text in texts:
            self.row(text).get_by_role("checkbox").check()

    def state(self, id):
        """Of the job, on its page; empty while it has none, as for seconds after it was done."""
        self.see(f"job/{id}/")
        self.complaints = [each for each in self.complaints if not each.endswith(f"/jobs/job/{id}/")]
        return "".join(self.page.get_by_test_id("state").all_inner_texts())


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("operator"), WORKER_QUEUES="default,mailers,low", WORKER_CONCURRENCY="4")
    site.manage("collectstatic", "--no-input")
    site.manage("migrate")
    site.start("redis", "web", "worker")
    site.shell(
        f"""
from django.contrib.auth.models import Permission
from web.accounts.models import User
operator = User.objects.create_user("olga", "olga@example.com", "{PASSWORD}", is_staff=True)
operator.user_permissions.set(Permission.objects.filter(codename="operate"))
User.objects.create_user("rita", "rita@example.com", "{PASSWORD}", is_staff=True)
User.objects.create_user("carl", "carl@example.com", "{PASSWORD}")
"""
    )
    yield site
    site.stop()


@pytest.fixture
def visit(site, chromium):
    """A maker of operators, none of whose pages may have had anything to complain of."""
    visitors = []

    def visit(name=None, **context):
        visitors.append(Operator(chromium, site.url, **context))
        return visitors[-1].sign_in(name) if name else visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.context.close()
        assert visitor.complaints == []


@pytest.fixture
def olga(visit):
    return visit("olga")


def test_a_running_job_shows_its_progress_and_is_stopped(site, olga):
    id = site.shell("print(linger.delay(600).id)").strip()
    until(lambda: olga.see("busy/").get_by_test_id("running").count(), "the job to run")
    row = olga.row("linger", "running")
    until(lambda: "40/200 photos" in olga.see("busy/").get_by_test_id("running").inner_text(), "its progress")
    assert olga.press("Stop", row) == "The job was told to stop. It will be among the dead."
    until(lambda: olga.state(id) == "dead", "the job to be dead")
    expect(olga.page.get_by_test_id("failure")).to_contain_text("stopped by hand")
    assert olga.see("busy/").get_by_test_id("running").count() == 0


def test_a_worker_is_made_quiet_and_stopped(site, olga):
    olga.see("busy/")
    process = olga.row("pid", "process")
    assert olga.press("Quiet", process) == "1 worker was told to take no more jobs."
    until(lambda: "quiet" in olga.see("busy/").get_by_test_id("process").inner_text(), "the worker to be quiet")
    id = site.shell("print(greet.delay('during the quiet').id)").strip()
    assert olga.state(id) == "waiting"

    olga.see("busy/")
    assert olga.press("Stop", process) == "1 worker was told to stop."
    until(lambda: site.processes["worker"].poll() is not None, "the worker to end")
    assert site.processes.pop("worker").returncode == 0
    until(lambda: olga.see("").get_by_test_id("no-worker").count(), "a warning")
    expect(olga.page.get_by_test_id("no-worker")).to_contain_text("celery -A worker worker")

    site.start("worker")
    until(lambda: olga.state(id) == "done", "the job to be done", 90)


def test_a_queue_is_paused_and_resumed(site, olga):
    olga.see("queues/")
    assert olga.press("Pause", olga.row("low", "queue")) == "The queue low was paused."
    expect(olga.row("low", "queue")).to_contain_text("paused")
    ids = site.shell("print(greet.apply_async(['later'], queue='low').id, greet.delay('now').id)").split()
    until(lambda: olga.state(ids[1]) == "done", "what is in another queue")
    assert olga.state(ids[0]) == "waiting"
    olga.see("queues/low/")
    assert olga.press("Resume") == "The queue low was resumed."
    until(lambda: olga.state(ids[0]) == "done", "what waited")


def test_jobs_are_deleted_and_put_back(site, olga):
    olga.see("queues/")
    olga.press("Pause", olga.row("low", "queue"))
    site.shell("for name in ('one', 'two', 'three'): greet.apply_async([name], queue='low')")
    jobs = olga.see("queues/low/").get_by_test_id("job")
    assert jobs.count() == 3
    order = jobs.all_inner_texts()
    olga.picked("one", "two")
    assert olga.press("Delete") == "Deleted: 2 jobs. For a day they can be put back."
    expect(jobs).to_have_count(1)
    expect(jobs).to_contain_text("three")
    assert olga.press("Undo") == "Put back: 2 jobs."
    expect(jobs).to_have_count(3)
    assert [re.findall("one|two|three", text) for text in jobs.all_inner_texts()] == [
        re.findall("one|two|three", text) for text in order
    ]

    olga.see("queues/")
    assert "3 jobs" in olga.press("Clear", olga.row("low", "queue"))
    expect(olga.row("low", "queue").get_by_role("button", name="Clear")).to_have_count(0)
    assert olga.press("Undo") == "Put back: 3 jobs."
    olga.press("Resume", olga.row("low", "queue"))
    until(lambda: olga.see("queues/low/").get_by_test_id("job").count() == 0, "them to run")


def test_scheduled_jobs_are_found_and_run_or_killed(site, olga):
    ids = site.shell(
        "print(*(greet.apply_async([name], countdown=3600).id for name in ('apple', 'pear', 'plum', 'fig')))"
    ).split()
    olga.see("scheduled/")
    assert olga.page.get_by_test_id("job").count() == 4
    olga.page.fill("[name=q]", "pear")
    olga.page.keyboard.press("Enter")
    expect(olga.page.get_by_test_id("found")).to_have_text(re.compile("1 found; looked at 4 of 4"))
    olga.picked("pear")
    assert olga.press("Run now") == "Sent to their queues: 1 job."
    until(lambda: olga.state(ids[1]) == "done", "it to run")

    olga.see("scheduled/")
    olga.picked("apple")
    assert olga.press("Kill") == "Moved to dead: 1 job."
    assert olga.state(ids[0]) == "dead"
    assert olga.press("Retry now") == "Sent to their queues: 1 job."
    until(lambda: olga.state(ids[0]) == "done", "what was dead")

    olga.see("scheduled/")
    olga.page.get_by_label("All on this page").check()
    assert olga.press("Delete") == "Deleted: 2 jobs. For a day they can be put back."
    expect(olga.page.get_by_text("No job is scheduled.")).to_be_visible()


def test_a_job_that_moved_meanwhile_is_left_alone(site, olga, visit):
    site.shell("greet.apply_async(['twice'], countdown=3600)")
    other = visit("olga")
    for each in (olga, other):
        each.see("scheduled/")
        each.picked("twice")
    assert other.press("Delete").startswith("Deleted: 1 job.")
    assert olga.press("Run now") == "It has moved on meanwhile: nothing was changed."


def test_retries_are_all_run_at_once(site, olga):
    site.shell("for number in range(3): stumble.delay(number)")
    until(lambda: olga.see("retries/").get_by_test_id("job").count() == 3, "three retries")
    expect(olga.row("no 2 today")).to_contain_text("ValueError")
    olga.page.get_by_text("All 3 …").click()
    assert olga.press("Run all of them now") == "Sent to their queues: 3 jobs."
    until(lambda: "2" in olga.see("retries/").get_by_test_id("job").first.locator(".number").inner_text(), "a failure")
    until(lambda: olga.see("retries/").get_by_test_id("job").count() == 3, "three retries again")
    olga.page.get_by_text("All 3 …").click()
    assert olga.press("Kill all of them") == "Moved to dead: 3 jobs."
    assert olga.see("dead/").get_by_test_id("job").filter(has_text="today").count() == 3


def test_one_of_the_dead_is_tried_before_the_others_follow(site, olga):
    site.shell("for number in range(6): fragile.delay(number)")
    group = olga.row("the printer is on fire", "group").or_(olga.row("fragile", "group"))
    until(lambda: olga.see("dead/groups/") and group.locator(".group-count").all_inner_texts() == ["6"], "six dead")
    olga.press("Try one", group)
    until(lambda: "failed again" in olga.see("dead/groups/").locator("main").inner_text(), "it to fail again")
    assert group.locator(".group-count").inner_text() == "6"

    (site.folder / "mended").touch()
    olga.press("Try one", group)
    until(lambda: "It has succeeded." in olga.see("dead/groups/").locator("main").inner_text(), "it to succeed")
    assert group.locator(".group-count").inner_text() == "5"
    group.get_by_label("Jobs in a second").fill("50")
    assert olga.press("Let the other 5 follow") == "The others follow, 50 in a second, until one fails."
    until(lambda: "All 5 others have followed" in olga.see("dead/groups/").locator("main").inner_text(), "the others")
    assert group.count() == 0


def test_a_recurring_job_is_paused_resumed_and_run(site, olga):
    olga.see("periodic/")
    row = olga.row("sweep", "recurring")
    assert olga.press("Pause", row) == f"{TASKS}.sweep was paused."
    expect(row).to_contain_text("paused")
    assert olga.press("Resume", row) == f"{TASKS}.sweep was resumed."
    assert olga.press("Run now", row) == f"A job of {TASKS}.sweep was enqueued."
    last = row.get_by_role("link").nth(1)
    until(lambda: olga.see("periodic/") and last.count(), "its last run")
    id = last.get_attribute("href").rstrip("/").rsplit("/", 1)[1]
    until(lambda: olga.state(id) == "done", "it to run")


def test_markup_in_an_argument_is_text(site, olga):
    evil = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
    id = site.shell(f"print(greet.apply_async([{evil!r}], countdown=3600).id)").strip()
    for path in ("scheduled/", f"job/{id}/"):
        expect(olga.see(path).locator("main")).to_contain_text(evil[:40])
        assert olga.page.title() != "owned"


def test_who_may_only_look_finds_nothing_to_press(site, visit):
    site.shell("greet.apply_async(['kept'], countdown=3600); fragile.apply_async([1], countdown=3600)")
    rita = visit("rita")
    paths = ["", "busy/", "queues/", "queues/low/", "scheduled/", "retries/", "dead/", "dead/groups/", "periodic/"]
    id = rita.see("scheduled/").get_by_test_id("job").first.locator(".title").get_attribute("href")
    for path in [*paths, "metrics/", "ledger/", id.removeprefix("/jobs/")]:
        main = rita.see(path).locator("main")
        assert set(main.get_by_role("button").all_inner_texts()) <= {"Search"}, path
        assert main.get_by_role("checkbox").count() == 0, path

    for who in (rita, visit("olga")):
        forged = who.context.request.post("/jobs/delete/", form={"place": "schedule", "scope": "all"})
        assert forged.status == 403
    token = next(each["value"] for each in rita.context.cookies() if each["name"] == "csrftoken")
    fields = {"place": "schedule", "scope": "all", "csrfmiddlewaretoken": token}
    assert rita.context.request.post("/jobs/delete/", form=fields).status == 403
    assert rita.see("scheduled/").get_by_test_id("job").count() >= 2


def test_strangers_sign_in_and_members_are_turned_away(visit):
    stranger = visit()
    stranger.page.goto("/jobs/dead/")
    assert "/accounts/login/" in stranger.page.url
    stranger.page.fill("[name=username]", "olga")
    stranger.page.fill("[name=password]", PASSWORD)
    stranger.page.click("main form button")
    stranger.page.wait_for_url("**/jobs/dead/")

    carl = visit()
    carl.page.goto("/accounts/login/")
    carl.page.fill("[name=username]", "carl")
    carl.page.fill("[name=password]", PASSWORD)
    carl.page.click("main form button")
    carl.page.wait_for_url("/")
    assert carl.page.goto("/jobs/").status == 403
    carl.complaints.clear()  # the browser tells of the 403
    carl.page.goto("/")
    assert carl.page.get_by_role("link", name="Jobs").count() == 0


def test_a_page_keeps_itself_up_to_date_at_the_pace_that_was_chosen(site, olga):
    olga.see("scheduled/").evaluate("window.samePage = true")
    olga.page.select_option("#pace", "2")
    site.shell("greet.apply_async(['fresh'], countdown=3600)")
    expect(olga.row("fresh")).to_be_visible()
    assert olga.page.evaluate("window.samePage")

    olga.picked("fresh")  # nothing is swapped under somebody's hands
    asked = []
    olga.page.on("request", lambda request: asked.append(request.url))
    olga.page.wait_for_timeout(3000)
    assert asked == []
    expect(olga.see("busy/").locator("#pace")).to_have_value("2")
    olga.page.select_option("#pace", "0")
    asked.clear()
    olga.page.wait_for_timeout(3000)
    assert asked == []


def test_everything_works_without_javascript(site, visit):
    olga = visit("olga", java_script_enabled=False)
    site.shell("for name in ('dawn', 'dusk'): greet.apply_async([name], countdown=3600)")
    olga.see("scheduled/")
    olga.picked("dawn")
    assert olga.press("Run now") == "Sent to their queues: 1 job."
    olga.page.fill("[name=q]", "dusk")
    olga.page.get_by_role("button", name="Search").click()
    olga.page.locator("summary", has_text="The one that was found").click()
    assert olga.press("Delete all of them") == "Deleted: 1 job. For a day they can be put back."


def test_a_phone_has_room_for_every_tab(site, visit):
    olga = visit("olga", viewport={"width": 320, "height": 568})
    olga.page.goto("/")
    labels = olga.page.locator(".nav-link > span:not(.avatar)")
    assert labels.all_inner_texts() == ["Home", "Explore", "New photo", "Activity", "Letters", "Jobs", "olga"]
    assert labels.evaluate_all("all => all.filter(each => each.scrollWidth > each.clientWidth).length") == 0
