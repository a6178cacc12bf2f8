"""Beside tests/stack/test_edge.py, where edge and web refuse the same."""

import base64
import time

import pytest

from web.hooks import signature
from web.hooks.signature import Refused, check, job_id

# The example of the specification's reference libraries.
SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")  # pragma: allowlist secret
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",  # pragma: allowlist secret
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",  # pragma: allowlist secret
}


@pytest.fixture
def then(monkeypatch):
    """The time of the example."""
    monkeypatch.setattr(time, "time", lambda: 1614265330.0)


def test_the_example_of_the_specification(then):
    assert check(HEADERS, BODY, [SECRET]) == HEADERS["webhook-id"]


def test_one_of_several_secrets_and_of_several_signatures_is_enough(then):
    headers = HEADERS | {"webhook-signature": f"v1,AAAA v2,x {HEADERS['webhook-signature']}"}

    assert check(headers, BODY, [bytes(24), SECRET])


@pytest.mark.parametrize("off", [-signature.TOLERANCE - 1, signature.TOLERANCE + 1])
def test_it_may_be_five_minutes_off_and_no_more(monkeypatch, off):
    monkeypatch.setattr(time, "time", lambda: 1614265330.0 + off * 0.99)
    assert check(HEADERS, BODY, [SECRET])

    monkeypatch.setattr(time, "time", lambda: 1614265330.0 + off)
    with pytest.raises(Refused, match="5 minutes"):
        check(HEADERS, BODY, [SECRET])


def test_what_runs_from_one_part_into_the_next_is_refused(then):
    """`id.at.body` is the same text with the parts cut elsewhere."""
    headers = HEADERS | {"webhook-id": f"{HEADERS['webhook-id']}.1614265330", "webhook-timestamp": "1614265330"}
    headers["webhook-signature"] = signature.signed(
        SECRET, b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.1614265330.{}"
    ).decode()

    with pytest.raises(Refused):
        check(headers, b"{}", [SECRET])


def test_ids_of_jobs_differ_by_hook_and_message():
    assert job_id("a", "1") == job_id("a", "1")
    assert len({job_id("a", "1"), job_id("a", "2"), job_id("b", "1")}) == 3
