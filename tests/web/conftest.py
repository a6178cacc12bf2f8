import json

import pytest
import redis
from django.core.files.base import ContentFile
from django.tasks.signals import task_started
from django.test import override_settings

from tests import environment
from tests.servers import Redis
from tests.web.browser import Browser
from tests.web.outages import bring_back
from tests.web.pictures import picture
from tests.web.races import at_once
from web import settings as declared
from web import throttle
from web.accounts.models import User
from web.cache import Cache
from web.feed.models import Post
from web.files.address import options
from web.files.models import File

# The tests' settings are those of DEBUG, which parse every template anew for every page.
declared.TEMPLATES[0]["OPTIONS"]["loaders"] = [("django.template.loaders.cached.Loader", declared.LOADERS)]

# What is shipped gives the cache up after 0.2 s: attempts that are counted elsewhere then would be missing here.
SHIPPED = dict(declared.CACHES["default"]["OPTIONS"])
PATIENT = {"timeout": 30, "socket_timeout": 30}
declared.CACHES["default"]["OPTIONS"] |= PATIENT

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def mail_to_letters(settings):
    """Mail as it is declared, where Django's tests would catch it before it is queued."""
    settings.MAILERS = declared.MAILERS


@pytest.fixture(autouse=True)
def cheap(settings):
    """Less work for each test, of a kind that none of them is about."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True  # otherwise each browser looks through all static files when it starts


@pytest.fixture(scope="module")
def redis_of_the_cache(tmp_path_factory):
    server = Redis(tmp_path_factory.mktemp("cache") / "redis")
    yield server
    server.stop()


@pytest.fixture
def server(settings, monkeypatch, redis_of_the_cache):
    """The Redis of the cache, which a test may kill and hang; afterwards it is back, and the cache elsewhere."""
    monkeypatch.setattr(Cache, "clients", {})  # what one test has missed and warned of is nothing to the next
    throttle.alone.cache_clear(), throttle.shared.cache_clear()
    place = {"LOCATION": redis_of_the_cache.url, "OPTIONS": SHIPPED}
    with override_settings(CACHES={"default": settings.CACHES["default"] | place}):
        yield redis_of_the_cache
    bring_back(redis_of_the_cache)
    redis.from_url(redis_of_the_cache.url).flushdb()


@pytest.fixture
def patient_server(settings, server):
    """The same for who only counts in it."""
    cache = settings.CACHES["default"]
    with override_settings(CACHES={"default": cache | {"OPTIONS": SHIPPED | PATIENT}}):
        yield server


@pytest.fixture
def password():
    return PASSWORD


@pytest.fixture
def person(db):
    """A maker of users: `person("carol", wants_mail=False)`."""

    def make(username, **fields):
        return User.objects.create_user(username, **{"email": f"{username}@example.com", "password": PASSWORD} | fields)

    return make


@pytest.fixture
def alice(person):
    return person("alice")


@pytest.fixture
def bob(person):
    return person("bob")


@pytest.fixture
def staff(person):
    return person("staff", is_staff=True)


@pytest.fixture
def browser(db):
    """A maker of browsers, signed in or not: `browser(alice)`."""

    def make(user=None, **options):
        browser = Browser(**options)
        if user:
            browser.force_login(user)
        return browser

    return make


@pytest.fixture
def photo_by(db):
    """A maker of posts whose thumbnail is there: `photo_by(alice, "a caption")`."""
    content = picture()

    def make(author, caption="", **fields):
        files = {"photo": ContentFile(content, "a.jpg"), "thumbnail": ContentFile(content, "a.jpg")}
        return Post.objects.create(author=author, caption=caption, **files | fields)

    return make


@pytest.fixture
def before(monkeypatch):
    """Have a deed done elsewhere the next time that a function is called: `before(Post, "like", deed)`."""

    def before(owner, name, deed):
        function, deeds = getattr(owner, name), [deed]

        def late(*args, **options):
            if deeds:
                at_once(deeds.pop())
            return function(*args, **options)

        monkeypatch.setattr(owner, name, late)

    return before


@pytest.fixture
def keep(settings):
    """Have files kept as a STORAGE_URL says: `keep("s3://…")`."""

    def keep(address):
        bucket = {"BACKEND": "web.files.bucket.Bucket", "OPTIONS": options(address)}
        settings.STORAGES = settings.STORAGES | {"default": bucket}

    return keep


@pytest.fixture(params=["database", "bucket"])
def kept(request, db, keep):
    """Each place where files may be kept; a function that tells the names of those that are there."""
    if request.param == "database":
        yield lambda: list(File.objects.values_list("name", flat=True))
    else:
        s3 = request.getfixturevalue("s3")
        keep(s3.url)
        yield s3.names
        s3.empty()


@pytest.fixture
def jobs():
    """The names of the jobs that ran, in order."""
    ran = []

    def note(sender, task_result, **_):
        ran.append(task_result.task.module_path)

    task_started.connect(note)
    yield ran
    task_started.disconnect(note)


@pytest.fixture
def queue(settings):
    """Jobs go to Redis and stay there, as when no worker runs; a function that reads what waits in a queue."""
    settings.TASKS = {"default": settings.TASKS["default"] | {"BACKEND": "worker.backend.QueueBackend"}}
    server = redis.from_url(environment.redis.url)

    def waiting(name):
        messages = [json.loads(message) for message in server.lrange(name, 0, -1)]
        return [message["headers"]["task"] for message in messages]

    yield waiting
    server.flushdb()
    server.close()
