import base64
import hmac
import secrets
import time

import pytest

from tests.smoke.run import hook_secret
from tests.smoke.site import check

PATH = "/hooks/example"
BODY = '{"type": "smoke.test"}'


@pytest.fixture
def secret():
    if not (secret := hook_secret()):
        pytest.skip("SMOKE_HOOK_SECRET does not tell what signs messages to the site")
    return secret


def message(secret):
    """The headers of a message that says nothing: no handler of a real service knows its type."""
    id, at = f"smoke_{secrets.token_hex(12)}", str(int(time.time()))
    signature = base64.b64encode(hmac.digest(secret, f"{id}.{at}.{BODY}".encode(), "sha256")).decode()
    return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}


def test_taking(stranger, secret):
    """A signed message of another service is taken, under one id however often it comes."""
    headers = message(secret)
    answers = [stranger.post(PATH, content=BODY, headers=headers) for _ in range(2)]
    for answer in answers:
        check(answer.status_code == 202, f"POST {PATH} answers {answer.status_code} to a signed message, and not 202")
    ids = {answer.json()["id"] for answer in answers}
    check(len(ids) == 1, f"{PATH} gives one message two ids")


def test_refusing(stranger):
    """A message that nobody signed is not taken."""
    status = stranger.post(PATH, content=BODY, headers=message(b"not the secret")).status_code
    check(status in (403, 404), f"POST {PATH} answers {status} to what is not signed, and not 403")
