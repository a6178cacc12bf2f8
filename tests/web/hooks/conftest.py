import time

import pytest

from web.hooks.signature import signed

SECRET = b"the secret of the example hook.."


@pytest.fixture
def send(settings, client):
    """Send a message to the example hook: `send(b"{}", id="1")`; other secrets and headers make it a wrong one."""
    settings.HOOK_SECRETS = {"example": [SECRET]}

    def send(body=b"{}", id="msg_1", at=None, secret=SECRET, **headers):
        at = str(int(time.time()) if at is None else at)
        signature = signed(secret, f"{id}.{at}.".encode() + body).decode()
        sent = {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature} | headers
        return client.post("/hooks/example", body, content_type="application/json", headers=sent)

    return send
