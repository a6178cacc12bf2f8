"""`docker compose up`, with a real engine: images built, services started in order, and the main job done."""

import os
import shutil
import subprocess

import httpx
import pytest

from tests.environment import need
from tests.journeys.people import Visitor
from tests.servers import Stack, until


class Compose(Stack):
    """A copy of this checkout as a Compose project of its own."""

    def __init__(self, folder):
        super().__init__(folder)
        self.environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PORT": str(self.port)}

    def run(self, *arguments):
        command = ["docker", "compose", "--project-name", f"kickstand-test-{self.port}", *arguments]
        run = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def stop(self):
        self.run("down", "--volumes", "--timeout", "5")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    answers = shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0
    need(answers, "a Docker engine")
    site = Compose(tmp_path_factory.mktemp("compose") / "site")
    try:
        site.run("up", "--build", "--wait")
        yield site
    finally:
        site.stop()


def test_the_whole_stack_is_ready_when_up_returns(site):
    answer = httpx.get(f"{site.url}/readyz?full=1")
    assert answer.status_code == 200, answer.text
    assert httpx.get(site.url).status_code == 200


def test_nothing_but_web_is_published_and_that_on_loopback_alone(site):
    ports = {name for line in site.run("ps", "--format", "{{.Ports}}").splitlines() for name in line.split(", ")}
    assert {port for port in ports if "->" in port} == {f"127.0.0.1:{site.port}->8000/tcp"}


def test_no_process_of_ours_runs_as_root_and_the_image_holds_no_secret(site):
    for service in ("web", "worker"):
        assert site.run("exec", "-T", service, "id", "-un").strip() == "kickstand"
    assert "SECRET_KEY=" not in site.run("exec", "-T", "web", "env")
    assert site.run("exec", "-T", "web", "stat", "-c", "%a", "var/secret_key").strip() == "600"


def test_settings_are_those_of_production(site):
    assert httpx.get(f"{site.url}/letters/").headers["location"].startswith("/accounts/login/")
    assert "URLconf" not in httpx.get(f"{site.url}/no-such-page").text  # as DEBUG would tell
    styles = httpx.get(site.url).text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in httpx.get(site.url + styles).headers["cache-control"]


def test_a_like_sends_its_mail(site, chromium, photo):
    anna, ben = Visitor(chromium, site.url), Visitor(chromium, site.url)
    anna.sign_up("Anna", "anna@example.com")
    ben.sign_up("Ben", "ben@example.com")
    post = anna.publish(photo, "A photo of mine")
    ben.page.goto(post)
    ben.page.get_by_test_id("heart").click()
    until(lambda: anna.letters()[:1] == ["Ben liked your photo"], "the mail about the like")
    until(lambda: "/photos/thumbnails/" in httpx.get(f"{site.url}/people/Anna/").text, "the thumbnail from the worker")
    assert anna.complaints == ben.complaints == []


def test_what_was_accepted_outlives_down_and_up(site, chromium, photo):
    cora, dora = Visitor(chromium, site.url), Visitor(chromium, site.url)
    cora.sign_up("Cora", "cora@example.com")
    dora.sign_up("Dora", "")
    post = cora.publish(photo, "A photo of mine")
    site.run("stop", "worker")
    dora.page.goto(post)
    dora.page.get_by_test_id("heart").click()
    until(lambda: dora.page.get_by_test_id("likes").text_content() == "1", "the like")
    site.run("down")
    site.run("up", "--wait")
    until(lambda: "Dora liked your photo" in cora.letters(), "the mail about the like")
