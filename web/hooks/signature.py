"""Messages that are signed as Standard Webhooks has it: https://www.standardwebhooks.com. infra/edge does the same."""

import base64
import hmac
import re
import time
from uuid import UUID, uuid5

TOLERANCE = 300  # seconds by which the time of a message may be off; what is older may be a replay
NAMESPACE = UUID("9b1f4c62-0d5e-4d0b-8a37-612ce4957f18")


class Refused(Exception):
    """What is wrong with a message, and the status that says so."""

    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


def check(headers, body, secrets):
    """The id of a message that one of the secrets has signed. Raises Refused for any other."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    id, at, signatures = (headers.get(name, "") for name in names)
    if not (id and at and signatures):
        raise Refused(403, "sign with webhook-id, webhook-timestamp and webhook-signature")
    if not re.fullmatch(r"[\w:-]{1,128}", id, re.ASCII):  # without a dot, which would let it run into what follows
        raise Refused(400, "webhook-id may be of letters, digits and _ : -")
    if not re.fullmatch(r"[0-9]{1,12}", at):
        raise Refused(400, "webhook-timestamp has to be in seconds since 1970")
    if abs(time.time() - int(at)) > TOLERANCE:
        raise Refused(403, "webhook-timestamp is more than 5 minutes off")
    if not is_signed(f"{id}.{at}.".encode() + body, signatures, secrets):
        raise Refused(403, "the signature does not fit")
    return id


def is_signed(content, signatures, secrets):
    expected = [signed(secret, content) for secret in secrets]
    given = signatures.encode("latin-1", "replace").split()
    return any(hmac.compare_digest(one, other) for one in expected for other in given)


def signed(secret, content):
    return b"v1," + base64.b64encode(hmac.digest(secret, content, "sha256"))


def job_id(hook, id):
    """The same for the same message, whoever enqueues its job: so it counts once, within an hour."""
    return str(uuid5(NAMESPACE, f"{hook}\n{id}"))
