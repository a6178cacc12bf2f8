import os

import pytest

from worker import env
from worker.errors import ConfigurationError


def test_a_wrong_boolean_names_variable_value_and_what_is_allowed(monkeypatch):
    monkeypatch.setenv("DEBUG", "maybe")
    with pytest.raises(ConfigurationError, match="DEBUG is 'maybe': use one of 1, true, yes, on, 0, false, no, off"):
        env.boolean("DEBUG")


@pytest.mark.parametrize("value, expected", [("1", True), ("True", True), ("off", False), ("0", False), ("", True)])
def test_booleans(monkeypatch, value, expected):
    monkeypatch.setenv("DEBUG", value)
    assert env.boolean("DEBUG", default=True) is expected


@pytest.mark.parametrize("value", ["0", "-1", "many", "2.5", "٣x"])
def test_a_wrong_number_is_refused(monkeypatch, value):
    monkeypatch.setenv("WEB_THREADS", value)
    with pytest.raises(ConfigurationError, match=f"WEB_THREADS is '{value}': use a whole number of at least 1"):
        env.integer("WEB_THREADS", 5)


def test_a_wrong_rate_is_refused(monkeypatch):
    monkeypatch.setenv("SENTRY_TRACES_SAMPLE_RATE", "1.5")
    with pytest.raises(ConfigurationError, match=r"SENTRY_TRACES_SAMPLE_RATE is '1\.5': use a number from 0 to 1"):
        env.number("SENTRY_TRACES_SAMPLE_RATE", 0, 0, 1)


def test_a_wrong_choice_is_refused(monkeypatch):
    monkeypatch.setenv("TASK_BACKEND", "magic")
    with pytest.raises(ConfigurationError, match="TASK_BACKEND is 'magic': use one of queue, thread"):
        env.choice("TASK_BACKEND", "queue", ("queue", "thread"))


@pytest.mark.parametrize("value", ["foo", "http://localhost", "redis:localhost", "redis://", "redis://host:many"])
def test_a_wrong_url_is_refused_with_examples(monkeypatch, value):
    monkeypatch.setenv("REDIS_URL", value)
    with pytest.raises(ConfigurationError, match=f"REDIS_URL is '{value}': use redis://host:port/db"):
        env.url("REDIS_URL", "", ["redis://host:port/db"])


@pytest.mark.parametrize(
    "value, shown",
    [
        ("http://user:hunter2@host:1/0", "http://user:***@host:1/0"),
        ("user:hunter2@host", "user:***@host"),
        ("redis://:hunter2/@[::1", "redis://:***@[::1"),
    ],
)
def test_an_error_hides_the_password(monkeypatch, value, shown):
    monkeypatch.setenv("REDIS_URL", value)
    with pytest.raises(ConfigurationError) as error:
        env.url("REDIS_URL", "", ["redis://host:port/db"])
    assert f"REDIS_URL is {shown!r}" in str(error.value)


def test_an_empty_value_counts_as_unset_when_a_file_is_loaded(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "environ", os.environ | {"TAKEN": ""})
    (tmp_path / ".env").write_text("TAKEN=file\n")
    env.load(tmp_path / ".env")
    assert os.environ["TAKEN"] == "file"


def test_an_empty_variable_is_unset(monkeypatch):
    monkeypatch.setenv("WEB_THREADS", "")
    assert env.integer("WEB_THREADS", 5) == 5


def test_the_variable_beats_pyproject_which_beats_the_default(monkeypatch):
    monkeypatch.setattr(env, "table", lambda: {"worker_concurrency": 7})
    assert env.integer("WORKER_CONCURRENCY", 25) == 7
    monkeypatch.setenv("WORKER_CONCURRENCY", "3")
    assert env.integer("WORKER_CONCURRENCY", 25) == 3
    assert env.integer("WORKER_OTHER", 25) == 25


def test_a_file_of_variables_never_beats_the_environment(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "environ", os.environ | {"TAKEN": "real"})
    file = tmp_path / ".env"
    file.write_text("# comment\nTAKEN=file\nexport A=1\n\nB='two words' # why\nC=\n")
    env.load(file)
    assert (os.environ["TAKEN"], os.environ["A"], os.environ["B"], os.environ["C"]) == ("real", "1", "two words", "")


def test_a_broken_file_of_variables_names_the_line(tmp_path):
    file = tmp_path / ".env"
    file.write_text("A=1\nB='open\n")
    with pytest.raises(ConfigurationError, match="line 2"):
        env.load(file)
