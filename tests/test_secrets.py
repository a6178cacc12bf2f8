import base64
import secrets
import subprocess
from string import ascii_uppercase

import pytest

from tests.servers import ROOT


@pytest.fixture
def scan(tmp_path):
    """What the scan says of a file with this text: (status, what it prints)."""

    def scan(text):
        path = tmp_path / "settings.py"
        path.write_text(f"# a file\n{text}\n")
        run = subprocess.run(["infra/scan-secrets", path], cwd=ROOT, capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr

    return scan


def upper():
    return "".join(secrets.choice(ascii_uppercase) for _ in range(16))


def lines():
    return base64.encodebytes(secrets.token_bytes(900)).decode().strip()


PLANTED = {  # in pieces, so that this file is no alarm itself
    "AWS": ('KEY = "AKIA{}"', upper),
    "private key": ("-----BEGIN RSA " + "PRIVATE KEY-----\n{}\n-----END RSA " + "PRIVATE KEY-----", lines),
    "password of a server": ('DATABASE_URL = "postgres://kickstand:' + '{}@db.internal/kickstand"', upper),
    "SECRET_KEY": ('SECRET_KEY = "{}"', lambda: secrets.token_urlsafe(50)),
    "GitHub": ('TOKEN = "ghp_{}"', lambda: secrets.token_hex(18)),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_secret_is_found_and_not_repeated(scan, kind):
    text, make = PLANTED[kind]
    secret = make()

    status, told = scan(text.format(secret))

    assert status == 1
    assert "settings.py:" in told
    assert secret[:60] not in told


def test_an_example_is_no_alarm(scan):
    assert scan('"smtp://user:password@mail.server.internal:25"')[0] == 0
