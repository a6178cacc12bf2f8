import json

import pytest

from web.hooks import table
from worker.errors import ConfigurationError

FINE = {"task": "web.hooks.tasks.receive", "queue": "default", "secret": "HOOK_TEST_SECRET"}
SECRET = "whsec_" + "A" * 32  # 24 bytes


@pytest.fixture
def written(tmp_path):
    """A maker of tables."""

    def write(**hooks):
        path = tmp_path / "hooks.json"
        path.write_text(json.dumps(hooks))
        return path

    return write


def test_a_hook_without_a_secret_is_shut(written, monkeypatch):
    path = written(one=FINE, two=FINE | {"secret": "HOOK_OTHER_SECRET"})
    monkeypatch.setenv("HOOK_TEST_SECRET", SECRET)
    monkeypatch.setenv("HOOK_OTHER_SECRET", "")

    assert table.hooks(path)["two"] == table.Hook("web.hooks.tasks.receive", "default")
    assert table.secrets(path) == {"one": [bytes(24)]}


def test_a_hook_may_have_several_secrets(written, monkeypatch):
    monkeypatch.setenv("HOOK_TEST_SECRET", f"{SECRET} whsec_{'B' * 32}, {SECRET}")

    assert [len(secret) for secret in table.secrets(written(one=FINE))["one"]] == [24, 24, 24]


@pytest.mark.parametrize(
    "value", ["hush", "A" * 32, "whsec_hush", "whsec_" + "A" * 28, "whsec_" + "A" * 100, "whsec_é"]
)
def test_what_is_no_secret_is_an_error_that_does_not_tell_it(written, monkeypatch, value):
    monkeypatch.setenv("HOOK_TEST_SECRET", value)

    with pytest.raises(ConfigurationError, match="^HOOK_TEST_SECRET is not a secret") as error:
        table.secrets(written(one=FINE))

    assert value not in str(error.value)


@pytest.mark.parametrize("wrong", [{"queue": "schedule"}, {"queue": "a b"}, {"queue": "inflight:x"}, {"task": 'a"b'}])
def test_what_cannot_be_a_hook_is_an_error(written, wrong):
    with pytest.raises(ConfigurationError, match="'one'"):
        table.hooks(written(one=FINE | wrong))


def test_a_name_is_part_of_an_address(written):
    with pytest.raises(ConfigurationError, match="'a/b'"):
        table.hooks(written(**{"a/b": FINE}))
