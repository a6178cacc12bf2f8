import os
import re
import ssl
import time
from urllib.parse import urlsplit

import pytest

from tests.smoke.site import LOCAL, check

DAY = 86_400
HALF_A_YEAR = 180 * DAY


@pytest.fixture(autouse=True)
def https(url):
    """A site on this machine does without; one elsewhere must not."""
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname in LOCAL:
        pytest.skip(f"{url} is on this machine, and not https")
    return parts


def test_certificate(stranger, url):
    """The certificate is valid, tomorrow too."""
    check(url.startswith("https:"), f"{url} is not https: whoever is on the way reads along")
    with stranger.stream("GET", "/healthz") as response:  # which checks it
        certificate = response.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()
    left = ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()
    check(left > DAY, f"the certificate ends at {certificate['notAfter']}")


def test_redirect(stranger, https):
    """http leads to https."""
    if https.scheme == "http":
        pytest.skip(f"{https.geturl()} is not https")
    plain = os.environ.get("SMOKE_HTTP_URL")
    if not plain and https.port not in (None, 443):
        pytest.skip(f"{https.geturl()} is at a port of its own, and SMOKE_HTTP_URL does not tell where http is")
    plain = plain or f"http://{https.hostname}/"
    response = stranger.get(plain)
    leads = response.is_redirect and response.headers["location"].startswith("https://")
    check(leads, f"{plain} answers {response.status_code}, and does not lead to https")


def test_strict_transport_security(stranger, https):
    """Browsers remember for half a year that the site is https."""
    if https.scheme == "http":
        pytest.skip(f"{https.geturl()} is not https")
    said = stranger.see("/").headers.get("Strict-Transport-Security", "")
    age = re.search(r"max-age=(\d+)", said)
    kept = age and int(age.group(1)) >= HALF_A_YEAR
    check(kept, f"Strict-Transport-Security is {said!r}, and not of half a year at least")
