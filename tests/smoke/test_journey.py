"""What somebody does who signs up. Each check needs those before it; the last one leaves nothing behind."""

import re
import time

import pytest

from tests.smoke.site import check


def test_signing_up(guest):
    """Somebody signs up."""
    guest.sign_up()
    guest.see(guest.profile_path)


@pytest.fixture
def signed_up(guest):
    if not guest.has_signed_up:
        pytest.skip("nobody is signed up")
    return guest


def test_dashboard(signed_up):
    """The dashboard is shut to who has signed up."""
    check(signed_up.is_turned_away("/jobs/"), "/jobs/ is open to who has just signed up")


def test_posting(signed_up, stranger):
    """A photo is seen by its author alone."""
    signed_up.publish()
    page = signed_up.see(signed_up.post_path).text
    check(photo := re.search(r'src="(/photos/[^"]+)"', page), f"{signed_up.post_path} shows no photo")
    signed_up.photo_path = photo.group(1)
    for path in (signed_up.post_path, signed_up.photo_path):
        check(stranger.get(path).status_code == 404, f"{path} is for its author alone, and a stranger sees it")
    for path in ("/", "/explore/", signed_up.profile_path):
        shown = f'href="{signed_up.post_path}"' in stranger.see(path).text
        check(not shown, f"{path} shows a stranger a photo that is for its author alone")


@pytest.fixture
def author(signed_up):
    if not signed_up.photo_path:
        pytest.skip("there is no photo")
    return signed_up


def test_liking(author):
    """A like is counted."""
    path = f"{author.post_path}like/"
    status = author.submit(path, page=author.post_path).status_code
    check(status == 302, f"POST {path} answers {status}, and not 302")
    counted = 'data-testid="likes">1<' in author.see(author.post_path).text
    check(counted, "the photo has been liked, and shows no like")


def test_job(author, stranger, patience):
    """The job of the photo is done in time, and its thumbnail is there."""
    check(author.jobs, "the answer to a new photo names no job, in X-Job-IDs")
    for job in author.jobs:
        wait(author, f"/accounts/jobs/{job}/", patience)
    thumbnail = re.search(r'src="(/photos/[^"]+)"', author.see(f"{author.post_path}thumbnail/").text)
    check(thumbnail, "the job of the thumbnail is done, and there is no thumbnail")
    author.see(thumbnail.group(1))
    seen = stranger.get(thumbnail.group(1)).status_code != 404
    check(not seen, "a thumbnail is for its author alone, and a stranger sees it")


def wait(author, path, seconds):
    deadline = time.monotonic() + seconds
    while (state := how_it_stands(author, path)) != "done":
        check(state != "dead", "the job of the photo is dead: /jobs/dead/ says why")
        over = time.monotonic() > deadline
        check(not over, f"the job of the photo is {state}, and was not done within {seconds} s: does a worker run?")
        time.sleep(0.25)


def how_it_stands(author, path):
    response = author.get(path)
    known = response.status_code in (200, 503)  # the latter while Redis is away
    check(known, f"GET {path} answers {response.status_code} to who enqueued the job")
    return response.json()["state"]


def test_leaving(signed_up, stranger):
    """The account deletes itself, with all that it made."""
    signed_up.leave()
    paths = [signed_up.profile_path, signed_up.post_path, signed_up.photo_path]
    for path in filter(None, paths):
        status = stranger.get(path).status_code
        check(status == 404, f"the account is deleted, and {path} answers {status}")
    check(not signed_up.sign_in(), f"the account {signed_up.name} is deleted, and can still sign in")
