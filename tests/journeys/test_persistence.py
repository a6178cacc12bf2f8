"""The reason this project exists: what was queued is done, although web and Redis are killed meanwhile."""

import signal

from tests.journeys.people import Client
from tests.servers import until

LIKES = 50

POSTS = f"""
from web.accounts.models import User
from web.feed.models import Post
alice = User.objects.create(username="Alice", email="alice@example.com")
for number in range({LIKES}):
    Post.objects.create(author=alice, photo="photos/none.jpg", width=1, height=1, thumbnail="thumbnails/none.jpg")
"""

LETTERS = "from web.letters.models import Letter; print(Letter.objects.filter(recipients='alice@example.com').count())"


def test_fifty_likes_outlive_the_kill_of_web_and_redis(stack):
    site = stack()
    site.manage("collectstatic", "--no-input")
    site.manage("migrate")
    site.manage("shell", "--no-imports", "-c", POSTS)
    site.start("redis", arguments="--appendfsync always")
    site.start("web")
    bob = Client(site.url, "Bob")
    for number in range(1, LIKES + 1):
        bob.submit(f"/posts/{number}/like/")

    site.end("web", signal.SIGKILL)
    site.end("redis", signal.SIGKILL)
    site.start("redis", arguments="--appendfsync always")
    site.start("web", "worker")

    def letters():
        return int(site.manage("shell", "--no-imports", "-c", LETTERS))

    until(lambda: letters() >= LIKES, "fifty mails", 60)
    site.end("worker")  # it finishes what it has taken, so that one too many would be here now
    assert letters() == LIKES
