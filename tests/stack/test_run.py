"""`make run`, in a copy of this checkout."""

import os
import re
import signal
import sqlite3
import subprocess

import httpx
import pytest

from tests.servers import ROOT, Redis, Stack, free_port, get, listening, text, until


class Run(Stack):
    """`make run` in a copy that shares the installed packages of this checkout, or installs none (`offline`)."""

    def __init__(self, folder, **environment):
        super().__init__(folder)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PORT": str(self.port),
            # Whatever would be downloaded fails.
            "UV_OFFLINE": "1", "PIP_NO_INDEX": "1", **environment,
        }  # fmt: skip
        for name in (".venv", ".uv"):
            (folder / name).symlink_to(ROOT / name)

    def start(self):
        with (self.folder / "run.log").open("a") as log:
            command = ["make", "run"]
            self.processes["run"] = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, start_new_session=True, stdout=log, stderr=log
            )

    def wait(self):
        until(lambda: "Kickstand is at" in self.log("run"), "the URL", 90)

    def end(self, name="run", number=signal.SIGTERM):
        """As a terminal does it: everything in the foreground gets the signal, `make` too."""
        process = self.processes.pop(name)
        os.killpg(process.pid, number)
        process.wait(40)
        until(lambda: not listening(self.port), "the end of web")


@pytest.fixture
def run(tmp_path):
    made = []

    def run(**environment):
        made.append(Run(tmp_path / f"run{len(made)}", **environment))
        return made[-1]

    yield run
    for each in made:
        each.stop()


def pid(run, name):
    """The process that a line of the log names last."""
    return int(re.findall(rf"{name} \|.*pid=(\d+)", run.log("run"))[-1])


def test_everything_starts_and_stops_in_order_and_starts_again(run):
    site = run()
    site.start()
    site.wait()
    log = site.log("run")
    assert f"Kickstand is at http://localhost:{site.port}" in log
    assert "kickstand-demo" in log
    page = get(site.url)
    assert page.status_code == 200
    assert "Alice" in page.text
    name = re.search(r"/photos/(thumbnails/[^\"]+)", until(lambda: thumbnails(site), "a thumbnail")).group(1)
    assert get(f"{site.url}/photos/{name}").headers["content-type"] == "image/jpeg"

    with httpx.Client(base_url=site.url, follow_redirects=True, timeout=30) as alice:
        alice.get("/accounts/login/")
        fields = {"username": "Alice", "password": "kickstand-demo", "csrfmiddlewaretoken": alice.cookies["csrftoken"]}
        assert alice.post("/accounts/login/", data=fields).url.path == "/"
        until(lambda: "liked your photo" in alice.get("/letters/").text, "the mail about a like")

    site.end(number=signal.SIGINT)
    assert "Traceback" not in site.log("run")
    assert re.findall(r"(\w+) \| stopped", site.log("run")) == ["worker", "web", "redis"]

    with sqlite3.connect(site.folder / "var/db.sqlite3") as database:
        database.execute("DELETE FROM files_file")  # as when photos were kept elsewhere until now
    site.start()
    until(lambda: site.log("run").count("Kickstand is at") == 2, "the second start", 60)
    assert get(site.url).text.count("<article") == page.text.count("<article")
    until(lambda: get(f"{site.url}/photos/{name}").status_code == 200, "the photos, drawn again")
    assert "kickstand-demo" in site.log("run").rpartition("Kickstand is at")[2]


def thumbnails(site):
    page = get(site.url).text
    return page if "/photos/thumbnails/" in page else None


def test_a_process_that_dies_is_restarted_and_changed_code_is_loaded(run):
    site = run()
    site.start()
    site.wait()
    until(lambda: "worker ready" in site.log("run"), "the worker")
    os.kill(pid(site, "worker"), signal.SIGKILL)
    until(lambda: site.log("run").count("worker ready") == 2, "a new worker")
    assert re.search(r"worker \| ended with status -9; starting it again in (0\.5|1) s", site.log("run"))

    health = site.folder / "web" / "health.py"
    health.write_text(health.read_text().replace('"ok\\n"', '"changed\\n"'))
    until(lambda: text(f"{site.url}/healthz") == "changed\n", "the new code in web")
    until(lambda: site.log("run").count("worker ready") == 3, "a worker with the new code")


def test_what_the_environment_says_wins(run, tmp_path):
    redis = Redis(tmp_path / "redis")
    site = run(REDIS_URL=redis.url, DEBUG="0", SECRET_KEY="mine", TASK_BACKEND="queue")
    (site.folder / ".env").write_text(f"PORT={free_port()}\nLOG_FORMAT=json\n")
    try:
        site.start()
        site.wait()
        until(lambda: f"redis={redis.url}" in site.log("run"), "the worker")
        log = site.log("run")
        assert " redis |" not in log
        assert "kickstand-demo" not in log
        assert '"logger": "worker"' in log  # .env is read, and its PORT was not taken
        assert not (site.folder / "var" / "secret_key").exists()
        assert get(f"{site.url}/no-such-page").status_code == 404
        site.end()
    finally:
        redis.stop()


def test_a_taken_port_and_a_second_run_are_told_plainly(run):
    site = run()
    redis = Redis(site.folder / "other")
    site.environment["PORT"] = str(redis.port)
    site.start()
    assert site.processes.pop("run").wait(30)
    assert f"port {redis.port} is in use: choose another with PORT={redis.port + 1} make run" in site.log("run")
    assert "Traceback" not in site.log("run")
    redis.stop()

    site.environment["PORT"] = str(site.port)
    site.start()
    site.wait()
    again = subprocess.run(["make", "run"], cwd=site.folder, env=site.environment, capture_output=True, text=True)
    assert again.returncode
    assert f"make run is running in {site.folder} already; stop it first" in again.stderr
