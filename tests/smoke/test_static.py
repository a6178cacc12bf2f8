import re

import pytest

from tests.smoke.site import check

YEAR = 31_536_000


@pytest.fixture
def files(stranger):
    """The addresses of the static files that the first page is made of."""
    found = sorted(set(re.findall(r'(?:src|href)="(/static/[^"#]+)', stranger.see("/").text)))
    check(any(path.endswith(".css") for path in found), "the first page has no styles below /static/")
    return found


def test_caching(stranger, files):
    """Static files are kept for ever."""
    for path in files:
        said = stranger.see(path).headers.get("Cache-Control", "")
        age = re.search(r"max-age=(\d+)", said)
        kept = age and int(age.group(1)) >= YEAR and "immutable" in said
        check(kept, f"{path} has Cache-Control {said!r}, and is not immutable for a year")


def test_compression(stranger, files):
    """Styles and scripts are compressed with brotli."""
    for path in files:
        if path.endswith((".css", ".js")):
            headers = stranger.see(path, headers={"Accept-Encoding": "br"}).headers
            said = headers.get("Content-Encoding", "")
            check(said == "br", f"{path} comes with Content-Encoding {said!r}, and not br, to who takes brotli alone")
            varies = "accept-encoding" in headers.get("Vary", "").lower()
            check(varies, f"{path} has no Vary: Accept-Encoding, so caches would give it to who takes no brotli")
