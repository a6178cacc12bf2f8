"""`python -m tests.bench.scene POSTS NAME …`: fills the database, and prints the session of each of these people."""

import json
import sys

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402

from web.accounts.models import User  # noqa: E402
from web.feed.models import Post  # noqa: E402
from web.sessions import SessionStore  # noqa: E402


def main(posts, *names):
    author = User.objects.create(username="author", email="author@example.com")
    Post.objects.bulk_create(
        [
            Post(author=author, photo="photos/none.jpg", width=640, height=480, caption="A photo")
            for _ in range(int(posts))
        ],
        batch_size=2000,
    )
    print(json.dumps({name: session(User.objects.create(username=name)) for name in names}))


def session(user):
    made = SessionStore()
    made[SESSION_KEY], made[BACKEND_SESSION_KEY] = str(user.pk), "django.contrib.auth.backends.ModelBackend"
    made[HASH_SESSION_KEY] = user.get_session_auth_hash()
    made.create()
    return made.session_key


if __name__ == "__main__":
    main(*sys.argv[1:])
