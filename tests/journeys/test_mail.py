"""The main job, through real processes: people sign up, like, comment and follow in a browser, and mail arrives."""

import pytest
import redis
from playwright.sync_api import expect

from tests.journeys.people import Visitor
from tests.servers import until


@pytest.fixture
def site(stack):
    site = stack()
    site.manage("collectstatic", "--no-input")
    site.manage("migrate")
    site.start("redis", "web", "worker")
    return site


@pytest.fixture
def visit(site, chromium):
    """A maker of visitors. In the end no page may have had anything to complain of, such as a broken CSP."""
    visitors = []

    def visit(**context):
        visitors.append(Visitor(chromium, site.url, **context))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.context.close()
        assert visitor.complaints == []


def jobs(site, queue):
    return redis.from_url(site.environment["REDIS_URL"]).llen(queue)


def count(site, model):
    path, name = model.rsplit(".", 1)
    return int(site.manage("shell", "--no-imports", "-c", f"from {path} import {name}; print({name}.objects.count())"))


def test_sign_up_answers_at_once_and_the_welcome_mail_follows(site, visit):
    site.end("worker")
    alice = visit()
    alice.sign_up("Alice", "alice@example.com")
    assert jobs(site, "mailers") == 1
    assert alice.letters() == []

    site.start("worker")
    until(lambda: alice.letters(), "the welcome mail", 90)
    assert len(alice.letters()) == 1
    alice.page.click("[data-testid=letter] a")
    expect(alice.page.locator("main")).to_contain_text("alice@example.com")
    body = alice.page.frame_locator("iframe").locator("body")
    expect(body).to_contain_text("Alice")
    assert "Alice" in alice.page.locator("pre").first.text_content()


def test_a_like_a_comment_and_a_follow_each_send_their_mail_once(site, visit, photo):
    alice, bob = visit(), visit()
    alice.sign_up("Alice", "alice@example.com")
    bob.sign_up("Bob", "bob@example.com")
    until(lambda: len(alice.letters()) == 1, "Alice's welcome mail", 90)
    post = alice.publish(photo, "A photo of mine")

    bob.page.goto(post)
    bob.page.evaluate("window.samePage = true")
    heart = bob.page.get_by_test_id("heart")
    expect(heart).to_have_attribute("aria-pressed", "false")
    heart.click()
    expect(bob.page.get_by_test_id("heart")).to_have_attribute("aria-pressed", "true")
    expect(bob.page.get_by_test_id("likes")).to_have_text("1")
    assert bob.page.evaluate("window.samePage")
    until(lambda: alice.letters()[0] == "Bob liked your photo", "the mail about the like")
    assert count(site, "web.notifications.models.Activity") == 1

    bob.page.get_by_test_id("heart").click()
    expect(bob.page.get_by_test_id("likes")).to_have_text("0")
    bob.page.get_by_test_id("heart").click()
    expect(bob.page.get_by_test_id("likes")).to_have_text("1")
    alice.page.goto(post)
    alice.page.get_by_test_id("heart").click()
    expect(alice.page.get_by_test_id("likes")).to_have_text("2")

    for words in ("First", "Second"):
        bob.page.fill("[name=text]", words)
        bob.page.click("#say")
        expect(bob.page.locator("#comments")).to_contain_text(words)
        expect(bob.page.locator("[name=text]")).to_have_value("")
    bob.page.goto("/people/Alice/")
    bob.page.get_by_role("button", name="Follow").click()
    expect(bob.page.get_by_role("button", name="Unfollow")).to_be_visible()

    # Jobs are taken in order: when a later one has run, so have those before it.
    until(lambda: "Bob followed you" in alice.letters(), "the mail about the follow")
    until(lambda: jobs(site, "mailers") == jobs(site, "default") == 0, "empty queues")
    expected = [
        "Bob liked your photo",
        "Bob commented on your photo",
        "Bob commented on your photo",
        "Bob followed you",
    ]
    until(lambda: len(alice.letters()) >= 5, "all mails")
    site.end("worker")  # it finishes what it has taken
    assert sorted(alice.letters()[:-1]) == sorted(expected)
    assert len(bob.letters()) == 1
    assert count(site, "web.notifications.models.Activity") == 4


def test_everything_works_without_javascript(site, visit, photo):
    alice, bob = visit(), visit(java_script_enabled=False)
    alice.sign_up("Alice", "alice@example.com")
    post = alice.publish(photo, "A photo of mine")
    bob.sign_up("Bob", "")
    bob.page.goto(post)
    bob.page.get_by_test_id("heart").click()
    expect(bob.page.get_by_test_id("heart")).to_have_attribute("aria-pressed", "true")
    bob.page.fill("[name=text]", "Nice <b>light</b>")
    bob.page.click("#say")
    expect(bob.page.locator("#comments")).to_contain_text("Nice <b>light</b>")
    bob.page.goto("/people/Alice/")
    bob.page.get_by_role("button", name="Follow").click()
    expect(bob.page.get_by_role("button", name="Unfollow")).to_be_visible()
    until(lambda: len(alice.letters()) == 4, "the welcome and three mails", 90)


def test_a_thumbnail_replaces_its_placeholder(site, visit, photo):
    site.end("worker")
    alice = visit()
    alice.sign_up("Alice", "")
    alice.publish(photo, "A photo of mine")
    alice.page.goto("/explore/")
    expect(alice.page.locator(".thumbnail.waiting")).to_be_visible()
    site.start("worker")
    expect(alice.page.locator("img.thumbnail")).to_be_visible(timeout=30_000)
