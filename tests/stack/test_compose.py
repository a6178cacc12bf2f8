"""`docker compose up`, with a real engine: images built, services started in order, the main job done, and each service
hit in turn."""

import json
import os
import shutil
import subprocess
import threading

import httpx
import pytest

from tests.environment import need
from tests.journeys.people import Client, Visitor
from tests.servers import Stack, free_port, get, smoke, text, until
from tests.stack.nginx import WRITTEN, headers
from tests.worker.staff import DAILY
from worker import keys

SERVICES = ["db", "redis", "redis-cache", "web", "worker"]


class Compose(Stack):
    """A copy of this checkout as a Compose project of its own."""

    def __init__(self, folder):
        super().__init__(folder)
        self.project = f"kickstand-test-{self.port}"
        self.environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PORT": str(self.port)}

    def run(self, *arguments):
        return self.docker("compose", "--project-name", self.project, *arguments)

    def docker(self, *arguments):
        run = subprocess.run(
            ["docker", *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def containers(self, service):
        """What Docker says of each."""
        return json.loads(self.docker("inspect", *self.run("ps", "--all", "--quiet", service).split()))

    def container(self, service):
        (container,) = self.containers(service)
        return container

    def health(self, service):
        return self.container(service)["State"]["Health"]["Status"]

    def crash(self, service):
        """Kill it as the kernel would: `docker kill` counts as the wish of an operator, and nothing starts again."""
        before = self.container(service)
        kill = ["run", "--rm", "--pid=host", "--user=root", "--network=none", "--cap-drop=ALL", "--cap-add=KILL"]
        self.docker(*kill, self.project, "sh", "-c", f"kill -KILL {before['State']['Pid']}")
        until(lambda: self.container(service)["RestartCount"] > before["RestartCount"], f"a new {service}")
        until(lambda: self.health(service) == "healthy", f"{service} to be healthy", 60)

    def query(self, sql):
        return self.run("exec", "-T", "db", "psql", "--username=kickstand", "--tuples-only", "--command", sql).strip()

    def redis(self, *command):
        return self.run("exec", "-T", "redis", "redis-cli", *command).strip()

    def attempts(self):
        """How many jobs were tried so far, once none is held by a worker."""
        ledger = dict(zip(*[iter(self.redis("hgetall", "stat:ledger").split())] * 2, strict=True))
        if ledger["fetched"] == ledger["done"]:
            return int(self.redis("hget", "stat:processed", "total"))
        return None

    def manage(self, *arguments):
        return self.run("exec", "-T", "web", "python", "manage.py", *arguments)

    def stop(self):
        self.run("--profile", "mail", "--profile", "edge", "down", "--volumes", "--timeout", "5")
        self.docker("image", "rm", "--force", self.project, f"{self.project}-mail", f"{self.project}-edge")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    answers = shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0
    need(answers, "a Docker engine")
    site = Compose(tmp_path_factory.mktemp("compose") / "site")
    try:
        site.run("up", "--build", "--wait")
        site.redis("sadd", keys.PERIODIC_PAUSED, *DAILY)
        yield site
    finally:
        site.stop()


POSTS = """
import json
from web.accounts.models import User
from web.feed.models import Post
author = User.objects.create(username="{name}", email="{name}@example.com")
facts = {{"photo": "photos/none.jpg", "width": 1, "height": 1, "thumbnail": "thumbnails/none.jpg"}}
print([post.pk for post in Post.objects.bulk_create(Post(author=author, **facts) for _ in range(2000))])
"""


class Fan(threading.Thread):
    """Likes the posts of an author, one after the other, and each again until the site has taken it."""

    def __init__(self, site, author):
        super().__init__()
        self.site, self.author = site, f"{author}@example.com"
        self.posts = json.loads(site.manage("shell", "--no-imports", "-c", POSTS.format(name=author)))
        self.client = Client(site.url, f"FanOf{author}")
        self.likes, self.refused, self.enough = 0, 0, threading.Event()

    def run(self):
        for post in self.posts:
            while not self.enough.wait(0.02):
                if self.is_taken(post):
                    self.likes += 1
                    break
                self.refused += 1

    def is_taken(self, post):
        try:
            return self.client.submit(f"/posts/{post}/like/").url.path == f"/posts/{post}/"
        except httpx.HTTPError:
            return False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.join()

    def go_on(self, count=10):
        """Wait for more likes."""
        assert self.is_alive(), "no posts are left"
        so_far = self.likes
        until(lambda: self.likes >= so_far + count, f"{count} more likes")

    def letters(self):
        return int(self.site.query(f"SELECT count(*) FROM letters_letter WHERE recipients = '{self.author}'"))


def test_the_whole_stack_is_ready_when_up_returns(site):
    answer = get(f"{site.url}/readyz?full=1")
    assert answer.status_code == 200, answer.text
    assert get(site.url).status_code == 200


def test_nothing_but_web_is_published_and_that_on_loopback_alone(site):
    ports = {name for line in site.run("ps", "--format", "{{.Ports}}").splitlines() for name in line.split(", ")}
    assert {port for port in ports if "->" in port} == {f"127.0.0.1:{site.port}->8000/tcp"}


def test_no_process_of_ours_runs_as_root_and_the_image_holds_no_secret(site):
    for service in ("web", "worker"):
        assert site.run("exec", "-T", service, "id", "-un").strip() == "kickstand"
    assert "SECRET_KEY=" not in site.run("exec", "-T", "web", "env")
    assert site.run("exec", "-T", "web", "stat", "-c", "%a", "var/secret_key").strip() == "600"


def test_settings_are_those_of_production(site):
    assert get(f"{site.url}/letters/").headers["location"].startswith("/accounts/login/")
    assert "URLconf" not in get(f"{site.url}/no-such-page").text  # as DEBUG would tell
    styles = get(site.url).text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in get(site.url + styles).headers["cache-control"]


def test_a_like_sends_its_mail(site, chromium, photo):
    anna, ben = Visitor(chromium, site.url), Visitor(chromium, site.url)
    anna.sign_up("Anna", "anna@example.com")
    ben.sign_up("Ben", "ben@example.com")
    post = anna.publish(photo, "A photo of mine")
    ben.page.goto(post)
    ben.page.get_by_test_id("heart").click()
    until(lambda: anna.letters()[:1] == ["Ben liked your photo"], "the mail about the like")
    until(lambda: "/photos/thumbnails/" in get(f"{site.url}/people/Anna/").text, "the thumbnail from the worker")
    assert anna.complaints == ben.complaints == []


def test_what_was_accepted_outlives_down_and_up(site):
    site.run("stop", "worker")
    assert site.container("worker")["State"]["ExitCode"] == 0
    with Fan(site, "Cora") as fan:
        fan.go_on()
    assert fan.letters() == 0
    site.run("down")
    site.run("up", "--wait")
    until(lambda: fan.letters() == fan.likes, "a mail for each like")


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_can_do_more_than_it_needs(site, service):
    container = site.container(service)
    host = container["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert not host["Privileged"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert min(host["Memory"], host["NanoCpus"], host["PidsLimit"]) > 0
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
    assert host["ReadonlyRootfs"] == (service != "db")
    assert all(mount["Name"].startswith(site.project) for mount in container["Mounts"] if mount["Type"] == "volume")
    assert site.run("exec", "-T", service, "id", "-u").strip() != "0"
    status = site.run("exec", "-T", service, "cat", "/proc/1/status")
    assert {line for line in status.splitlines() if line.startswith(("CapEff", "CapBnd"))} == {
        f"{name}:\t{0:016x}" for name in ("CapEff", "CapBnd")
    }


def test_limits_can_be_changed_by_variables(site):
    site.environment |= {"WORKER_MEMORY": "2g", "CPUS": "0.5", "REDIS_MAXMEMORY": "1gb"}
    try:
        services = json.loads(site.run("config", "--format", "json"))["services"]
    finally:
        for name in ("WORKER_MEMORY", "CPUS", "REDIS_MAXMEMORY"):
            del site.environment[name]
    assert services["worker"]["mem_limit"] == str(2 * 1024**3)
    assert services["db"]["cpus"] == 0.5
    assert services["redis"]["command"][-2:] == ["--maxmemory", "1gb"]


def test_the_redis_of_the_jobs_refuses_before_it_is_killed(site):
    limit = int(site.redis("config", "get", "maxmemory").split()[-1])
    assert 0 < limit <= site.container("redis")["HostConfig"]["Memory"] / 2
    assert site.redis("config", "get", "maxmemory-policy").split()[-1] == "noeviction"
    assert site.redis("config", "get", "appendonly").split()[-1] == "yes"


def test_the_image_serves_on_the_port_it_is_told_as_any_user(site):
    """As Heroku runs it."""
    flags = ["--detach", "--no-deps", "--user=54321", "--env=PORT=5000", "--env=SECRET_KEY=mine"]
    name = site.run("run", *flags, "web").strip()
    probe = ["exec", name, "python", "-m", "infra.probe", "http://127.0.0.1:5000/readyz"]
    until(
        lambda: subprocess.run(["docker", *probe], env=site.environment, capture_output=True).returncode == 0, "web", 90
    )
    site.docker("rm", "--force", name)


def test_workers_come_and_go_under_load_and_each_job_is_done_once(site):
    before = until(site.attempts, "the end of earlier jobs")
    with Fan(site, "Ella") as fan:
        fan.go_on()
        site.run("up", "--wait", "--scale", "worker=3")
        assert len(site.containers("worker")) == 3
        assert int(site.redis("zcard", "processes")) == 3
        fan.go_on()
        site.run("up", "--wait", "--scale", "worker=1")
        fan.go_on()
    assert fan.refused == 0
    until(lambda: fan.letters() == fan.likes, "a mail for each like")
    # None was even tried twice; one more is the welcome of the fan.
    assert until(site.attempts, "the workers to hand in") == before + fan.likes + 1
    assert site.redis("zrange", "processes", "0", "-1").count(":") == 2


def test_all_that_was_accepted_is_done_when_each_service_was_killed(site):
    with Fan(site, "Fay") as fan:
        for service in SERVICES:
            fan.go_on()
            site.crash(service)
            fan.go_on()
    until(lambda: fan.letters() >= fan.likes, "a mail for each like", 90)
    assert fan.letters() == fan.likes
    assert site.redis("zcard", "dead") == "0"
    assert get(f"{site.url}/readyz?full=1").status_code == 200
    assert {service: site.health(service) for service in SERVICES} == dict.fromkeys(SERVICES, "healthy")


def test_the_smoke_tests_pass(site):
    code, output = smoke(site.url)
    assert code == 0, output


@pytest.fixture
def edge(site):
    """The address of the edge, for which all of the site is told a secret, and to trust it."""
    before, port = site.environment, free_port()
    site.environment = before | {"EDGE_PORT": str(port), "HOOK_EXAMPLE_SECRET": WRITTEN, "TRUST_PROXY": "1"}
    site.run("--profile", "edge", "up", "--build", "--wait")
    yield f"http://127.0.0.1:{port}"
    site.run("--profile", "edge", "rm", "--stop", "--force", "edge")
    site.environment = before


def test_the_edge_is_as_narrow_as_the_rest_and_passes_the_smoke_tests(site, edge):
    test_no_container_can_do_more_than_it_needs(site, "edge")
    assert "SECRET_KEY" not in site.run("exec", "-T", "edge", "env")
    code, output = smoke(edge, SMOKE_HOOK_SECRET=WRITTEN)
    assert code == 0, output
    until(lambda: site.query("SELECT count(*) FROM hooks_delivery WHERE message_id LIKE 'smoke_%'") == "1", "its job")
    site.run("stop", "web")
    body = b"{}"
    answer = httpx.post(f"{edge}/hooks/example", content=body, timeout=30, headers=headers(body, id="without-web"))
    assert answer.status_code == 202
    until(lambda: site.query("SELECT count(*) FROM hooks_delivery WHERE message_id = 'without-web'") == "1", "the job")
    site.run("start", "web")
    site.run("--profile", "edge", "up", "--wait")
    assert get(edge).status_code == 200  # wherever web is by now


def test_a_backup_brings_back_the_database_and_the_jobs(site):
    site.run("stop", "worker")
    with Fan(site, "Hugo") as fan:
        fan.go_on()
    call(site, "infra/backup", "backups/kept")
    site.run("down", "--volumes")
    site.run("up", "--wait")
    assert site.query("SELECT count(*) FROM accounts_user WHERE username = 'Hugo'") == "0"
    call(site, "infra/restore", "backups/kept")
    until(lambda: fan.letters() == fan.likes, "a mail for each like")


def call(site, *command):
    environment = site.environment | {"COMPOSE_PROJECT_NAME": site.project}
    run = subprocess.run(command, cwd=site.folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


QUICK = "services: { worker: { healthcheck: { interval: 1s, retries: 1 } } }"


def test_a_worker_that_hangs_is_unhealthy_until_it_goes_on(site):
    (site.folder / "quick.yml").write_text(QUICK)
    site.run("-f", "docker-compose.yml", "-f", "quick.yml", "up", "--wait", "--no-deps", "worker")
    worker = ["exec", "-T", "worker", "sh", "-c"]
    site.run(*worker, "kill -s STOP -- -1")
    until(lambda: site.health("worker") == "unhealthy", "the hang to be seen", 60)
    assert "sign of life" in site.container("worker")["State"]["Health"]["Log"][-1]["Output"]
    site.run(*worker, "kill -s CONT -- -1")
    until(lambda: site.health("worker") == "healthy", "the worker to be healthy")


def test_in_development_changed_code_is_live_and_mail_is_shown(site):
    assert not list(site.folder.glob("*compose.override.*"))  # which Compose would read without being asked
    development = ["--profile", "mail", "-f", "docker-compose.yml", "-f", "compose.dev.yml"]
    site.environment["SMTP_URL"] = "smtp://mail:1025"
    site.run(*development, "up", "--build", "--wait")
    change(site.folder / "web" / "health.py", '"ok\\n"', '"changed\\n"')
    change(site.folder / "worker" / "celery.py", '"worker ready', '"changed worker ready')
    until(lambda: text(f"{site.url}/healthz") == "changed\n", "the new code in web")
    until(lambda: "changed worker ready" in site.run(*development, "logs", "worker"), "the new code in the worker")
    Client(site.url, "Gil", "gil@example.com")
    until(lambda: "To: gil@example.com" in site.run(*development, "logs", "mail"), "the mail")


def change(path, old, new):
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
