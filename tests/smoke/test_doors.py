import pytest

from tests.smoke.site import check


@pytest.mark.parametrize("path", ["/jobs/", "/jobs/stats", "/letters/", "/metrics"])
def test_doors(stranger, path):
    """{path} is shut to strangers."""
    check(stranger.is_turned_away(path), f"{path} is open to strangers")
