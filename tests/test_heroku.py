"""What a PaaS reads of the repository is as it wants it; its rules are those of Heroku's Dev Center."""

import json
import os
import re
import subprocess

import pytest
import yaml

from infra import procfile
from tests.servers import ROOT

# https://devcenter.heroku.com/articles/app-json-schema
KEYS = {
    "name",
    "description",
    "keywords",
    "website",
    "repository",
    "logo",
    "success_url",
    "scripts",
    "env",
    "formation",
}
KEYS |= {"image", "addons", "buildpacks", "environments", "stack"}
SCRIPTS = {"postdeploy", "pr-predestroy", "test", "test-setup"}
VARIABLE = {"description", "value", "required", "generator"}

manifest = json.loads((ROOT / "app.json").read_text())
container = yaml.safe_load((ROOT / "heroku.yml").read_text())
environments = [manifest, *manifest["environments"].values()]


def committed():
    run = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


@pytest.mark.parametrize("environment", environments)
def test_app_json_has_what_the_schema_knows_and_nothing_else(environment):
    assert environment.keys() <= KEYS
    assert environment.get("scripts", {}).keys() <= SCRIPTS
    for name, variable in environment.get("env", {}).items():
        assert re.fullmatch(r"[A-Z_]+", name)
        assert isinstance(variable, str) or variable.keys() <= VARIABLE
    for process in environment.get("formation", {}).values():
        assert process.keys() == {"quantity", "size"}


def test_a_name_and_a_description_fit():
    assert 3 <= len(manifest["name"]) <= 30
    assert len(manifest["description"]) <= 140


@pytest.mark.parametrize("environment", environments)
def test_every_add_on_names_its_plan_and_the_variable_that_the_app_reads(environment):
    for addon in environment.get("addons", []):
        assert re.fullmatch(r"[a-z-]+:[a-z]+-?\d*", addon["plan"])
        assert addon["as"] in ("DATABASE", "REDIS", "CACHE")


def test_the_jobs_are_on_a_plan_that_persists():
    plans = {addon["as"]: addon["plan"] for addon in manifest["addons"]}
    assert plans["REDIS"].startswith("heroku-redis:premium-")
    assert plans["CACHE"] == "heroku-redis:mini"


def test_secrets_are_made_and_not_written_here():
    assert {name for name, variable in manifest["env"].items() if variable.get("generator") == "secret"} == {
        "SECRET_KEY",
        "METRICS_TOKEN",
    }
    assert all("value" not in variable for variable in manifest["env"].values())


def test_the_formation_is_that_of_the_procfile_without_redis_and_release():
    formation = {name: size["quantity"] for name, size in manifest["formation"].items()}
    assert formation == {"web": 1, "worker": 1, "redis": 0}
    assert formation.keys() | {"release"} == procfile.commands().keys()


def test_the_container_stack_runs_what_the_procfile_runs():
    commands = procfile.commands()
    assert container["run"]["web"] == commands["web"]
    assert container["run"]["worker"] == {"image": "web", "command": [commands["worker"]]}
    assert container["release"] == {"image": "web", "command": [commands["release"]]}
    assert (ROOT / container["build"]["docker"]["web"]).exists()


def test_the_buildpack_finds_one_lock_file_and_a_bare_version():
    files = committed()
    others = {"Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock", "setup.py", "runtime.txt"}
    assert "requirements.txt" in files
    assert others.isdisjoint(files)
    assert (ROOT / ".python-version").read_text().strip() == "3.13"


def test_nothing_is_in_the_way_of_the_buildpack():
    """It runs hooks by their names in `bin`, and warns of a virtual environment that was committed."""
    files = committed()
    assert not [name for name in files if name.startswith("bin/")]
    assert not [name for name in files if name.endswith("pyvenv.cfg") or "/site-packages/" in name]


def test_gunicorn_is_set_up_for_its_router():
    """What it is asked for most often, and the reasons, are in infra/gunicorn.conf.py."""
    command = ["gunicorn", "--config", "infra/gunicorn.conf.py", "--print-config", "web.wsgi"]
    environment = {name: value for name, value in os.environ.items() if name != "DEBUG"} | {"PORT": "5123"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    settings = dict(re.findall(r"^(\w+) += (.*)$", run.stdout, re.MULTILINE))
    assert re.fullmatch(r"\['(\[::\]|0\.0\.0\.0):5123'\]", settings["bind"])
    assert (settings["worker_class"], settings["workers"], settings["threads"]) == ("infra.patience.Worker", "2", "5")
    assert (settings["keepalive"], settings["graceful_timeout"]) == ("95", "20")
    assert (settings["preload_app"], settings["control_socket_disable"]) == ("True", "True")
    assert settings["worker_tmp_dir"] == "/dev/shm"
