from datetime import timedelta
from itertools import cycle

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models.functions import Lower
from django.utils import timezone

from web.accounts.models import User
from web.accounts.tasks import mail_welcome
from web.feed import photo
from web.feed.demo import SCENES
from web.feed.models import Comment, Follow, Like, Post
from web.feed.tasks import make_thumbnail
from web.files.errors import Unavailable

PEOPLE = ("Alice", "Bob", "Carol")
NAMES = (*PEOPLE, "Admin")
PASSWORD = "kickstand-demo"

CAPTIONS = (
    "Six ridges before breakfast. The last one was the steepest.",
    "Wind from the west all day.",
    "Late shift. The city was up too.",
    "Could not see ten metres. Could hear a woodpecker.",
    "The wind had moved the path overnight.",
    "An hour without a lamp, and there it was.",
    "No ripple until the dog found the water.",
    "Came out for the bins, stayed for an hour.",
    "It stands by itself.",
)
COMMENTS = (
    (0, "Bob", "Which trail is this?"),
    (0, "Carol", "The one behind the dairy, I know that bend!"),
    (2, "Alice", "Third window from the left: me."),
    (5, "Carol", "What lens?"),
    (6, "Bob", "Good dog."),
    (8, "Alice", "Show-off."),
    (8, "Bob", "Best part of any bike."),
)
LIKES = {"Alice": (1, 2, 5, 7, 8), "Bob": (0, 3, 6, 8), "Carol": (0, 1, 4, 6, 7)}
FOLLOWS = (("Alice", "Bob"), ("Alice", "Carol"), ("Bob", "Alice"), ("Carol", "Alice"), ("Carol", "Bob"))


class Command(BaseCommand):
    help = (
        "Make demo users and photos, with likes, comments and follows among them. "
        "Running it again draws photos that are missing, and changes nothing else."
    )

    def add_arguments(self, parser):
        parser.add_argument("--redraw", action="store_true", help="only draw photos of the demo that are missing")

    def handle(self, redraw, **options):
        try:
            if count := draw_missing():
                self.stdout.write(f"{count} photos of the demo were missing where photos are kept: drawn again.")
            if not redraw:
                self.make()
        except Unavailable as error:
            raise CommandError(f"The demo waits for the place of photos, run it again later: {error}") from None

    def make(self):
        names = [name.lower() for name in NAMES]
        if user := User.objects.alias(lower=Lower("username")).filter(lower__in=names).first():
            self.stdout.write(f"There is a user {user} already: the demo stays as it is, nothing was changed.")
            return
        photos = [photo.jpeg(draw()) for draw in SCENES]  # before the transaction, which locks a SQLite database
        with transaction.atomic():
            people = make_people()
            act(people, publish(people, photos))
        self.tell()

    def tell(self):
        counts = [
            (model.objects.count(), model._meta.verbose_name_plural) for model in (User, Post, Like, Comment, Follow)
        ]
        self.stdout.write("The demo is there: " + ", ".join(f"{count} {name}" for count, name in counts) + ".")
        if settings.DEBUG:
            self.stdout.write(f"Sign in as {', '.join(NAMES)}; the password of each is {PASSWORD}")
        else:
            self.stdout.write("Nobody can sign in as them before `python manage.py changepassword Admin`.")


def draw_missing():
    """For when photos are kept elsewhere than they were; returns how many were not there."""
    posts = Post.objects.filter(author__username__in=PEOPLE, caption__in=CAPTIONS)
    missing = [post for post in posts if not default_storage.exists(post.photo.name)]
    for post in missing:
        default_storage.save(post.photo.name, photo.jpeg(SCENES[CAPTIONS.index(post.caption)]()))
        with transaction.atomic():
            Post.objects.filter(pk=post.pk).update(thumbnail="")
            make_thumbnail.enqueue(post.pk)
    return len(missing)


def make_people():
    """The users by name. They have a password that everybody knows, so only where nothing is worth protecting."""
    password = make_password(PASSWORD if settings.DEBUG else None)
    people = {}
    for name in NAMES:
        email = "" if settings.SMTP_URL else f"{name.lower()}@example.com"  # never mail made-up addresses
        staff = name == "Admin"
        people[name] = User.objects.create(
            username=name, email=email, password=password, is_staff=staff, is_superuser=staff
        )
        mail_welcome.enqueue(people[name].pk)
    return people


def publish(people, photos):
    """The posts, one after the other over the last days."""
    posts = []
    for number, (name, file, caption) in enumerate(zip(cycle(PEOPLE), photos, CAPTIONS, strict=False)):
        post = Post.objects.create(author=people[name], photo=file, caption=caption)
        Post.objects.filter(pk=post.pk).update(created=timezone.now() - timedelta(hours=7 * (len(photos) - number) - 5))
        make_thumbnail.enqueue(post.pk)
        posts.append(post)
    return posts


def act(people, posts):
    for follower, followed in FOLLOWS:
        Follow.begin(people[follower], people[followed])
    for name, liked in LIKES.items():
        for number in liked:
            posts[number].like(people[name])
    for number, name, text in COMMENTS:
        posts[number].comment(people[name], text)
