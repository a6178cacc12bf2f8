import re

import pytest

from tests.smoke.site import check


@pytest.fixture
def header(stranger):
    """A header of the first page, in lower case; empty when it is missing."""
    headers = stranger.see("/").headers
    return lambda name: headers.get(name, "").lower()


def test_content_security_policy(header):
    """The Content-Security-Policy allows nothing unsafe, and no frames around the site."""
    policy = header("Content-Security-Policy")
    check(policy, "the header Content-Security-Policy is missing")
    check("unsafe" not in policy, f"the Content-Security-Policy allows what is unsafe: {policy}")
    directives = {words[0]: words[1:] for part in policy.split(";") if (words := part.split())}
    check("default-src" in directives, f"the Content-Security-Policy has no default-src: {policy}")
    framed = directives.get("frame-ancestors")
    check(framed in (["'none'"], ["'self'"]), f"the Content-Security-Policy lets others frame the site: {policy}")


def test_content_type_options(header):
    """Browsers guess no types of files."""
    said = header("X-Content-Type-Options")
    check(said == "nosniff", f"X-Content-Type-Options is {said!r}, and not nosniff")


def test_referrer_policy(header):
    """Other sites do not hear which page somebody comes from."""
    said = header("Referrer-Policy")
    kept = ("no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin")
    check(said in kept, f"Referrer-Policy is {said!r}, and none of {', '.join(kept)}")


def test_permissions_policy(header):
    """Pages have no use of camera and place."""
    said = header("Permissions-Policy")
    for feature in ("camera", "geolocation"):
        check(re.search(rf"\b{feature}=\(\)", said), f"Permissions-Policy is {said!r}, and does not deny {feature}")


def test_cross_origin_opener_policy(header):
    """Windows of other sites have no hold of ours."""
    said = header("Cross-Origin-Opener-Policy")
    check(said == "same-origin", f"Cross-Origin-Opener-Policy is {said!r}, and not same-origin")
