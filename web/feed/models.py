from uuid import uuid4

from django.contrib.contenttypes.fields import GenericRelation
from django.db import models, transaction
from django.db.models import FETCH_RAISE, Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.db.models.signals import post_delete, pre_delete
from django.dispatch import receiver
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from web.accounts.models import User
from web.notifications import activity
from web.notifications.models import Activity, Verb


class Visibility(models.TextChoices):
    EVERYBODY = "everybody", _("Everybody")
    ONLY_ME = "only_me", _("Only me")


def photo_name(post, name):
    return f"photos/{post.folder}{uuid4()}.jpg"


def thumbnail_name(post, name=None):
    """That of the photo in another folder: made twice it is one file, and who deletes the photo finds it."""
    return f"thumbnails/{post.photo.name.removeprefix('photos/')}"


class PostQuerySet(models.QuerySet):
    def visible_to(self, reader):
        """What this reader may see, who may be a stranger."""
        shown = Q(visibility=Visibility.EVERYBODY)
        if reader.pk:
            shown |= Q(author=reader.pk)
        return self.filter(shown, author__is_active=True)

    def for_page(self, reader):
        """With all that a page shows of a post, in one query; what was forgotten here raises instead of querying."""
        liked = Like.objects.filter(post=OuterRef("pk"), user_id=reader.pk)
        return (
            self.visible_to(reader)
            .select_related("author")
            .annotate(like_count=counted(Like), comment_count=counted(Comment), liked=Exists(liked))
            .order_by("-id")
            .fetch_mode(FETCH_RAISE)
        )

    def followed_by(self, reader):
        followed = Follow.objects.filter(follower=reader).values("followed")
        return self.filter(Q(author=reader) | Q(author__in=followed))


def counted(model):
    """The number of rows of `model` for each post, without a join that would multiply the other counts."""
    rows = model.objects.filter(post=OuterRef("pk")).order_by().values("post").annotate(count=Count("pk"))
    return Coalesce(Subquery(rows.values("count")), 0)


class Post(models.Model):
    author = models.ForeignKey(User, models.CASCADE, related_name="posts")
    photo = models.ImageField(_("photo"), upload_to=photo_name, width_field="width", height_field="height")
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    thumbnail = models.FileField(upload_to=thumbnail_name, blank=True, editable=False)
    caption = models.TextField(_("caption"), max_length=2200, blank=True)
    # The database knows the default as well: the release before, which may still run, writes rows without this column.
    visibility = models.CharField(
        max_length=16, choices=Visibility, default=Visibility.EVERYBODY, db_default=Visibility.EVERYBODY
    )
    submission = models.UUIDField(
        default=uuid4, editable=False
    )  # the form that was sent: a second click sends it again
    created = models.DateTimeField(auto_now_add=True)
    activities = GenericRelation(Activity, object_id_field="target_id", content_type_field="target_type")

    objects = PostQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["author", "submission"], name="one_post_for_each_form")]

    def __str__(self):
        return self.caption[:60] or f"photo {self.pk}"

    def get_absolute_url(self):
        return reverse("post", args=[self.pk])

    @property
    def folder(self):
        """Where its files are, below photos/ and thumbnails/: who asks for one in private/ is looked at."""
        return "private/" if self.is_private else ""

    @property
    def is_private(self):
        return self.visibility != Visibility.EVERYBODY

    def like(self, user):
        """Once, however often it is called; the author hears of it."""
        with transaction.atomic():
            _like, created = Like.objects.get_or_create(post=self, user=user)
            if created:
                activity.record(user, Verb.LIKED, self, recipient=self.author)

    def unlike(self, user):
        with transaction.atomic():
            Like.objects.filter(post=self, user=user).delete()
            activity.withdraw(user, Verb.LIKED, self)

    def comment(self, user, text, submission=None):
        """A new comment, or the one that was written when the same form was sent before."""
        with transaction.atomic():
            comment, created = Comment.objects.get_or_create(
                author=user, submission=submission or uuid4(), defaults={"post": self, "text": text}
            )
            if created:
                activity.record(user, Verb.COMMENTED, comment, recipient=self.author)
        return comment

    def delete(self, *args, **kwargs):
        with transaction.atomic():
            # Likes and comments go first: without the lock, one that arrives then would break the deletion.
            Post.objects.select_for_update().filter(pk=self.pk).first()
            return super().delete(*args, **kwargs)


@receiver(pre_delete, sender=User)
def take_turns_at_posts(instance, **_):
    """Before anything of theirs goes, as likes and the deletion of a post do: else two may wait for each other."""
    touched = Q(author=instance) | Q(likes__user=instance) | Q(comments__author=instance)
    posts = Post.objects.filter(pk__in=Post.objects.filter(touched).values("pk"))
    list(posts.select_for_update().order_by("pk").values_list("pk"))


@receiver(post_delete, sender=Post)
def delete_its_files(instance, **_):
    """By a job of the same transaction: also when the post goes with its author, or a job is at its thumbnail."""
    from web.feed.tasks import delete_files

    delete_files.enqueue([instance.photo.name, instance.thumbnail.name or thumbnail_name(instance)])


class Like(models.Model):
    post = models.ForeignKey(Post, models.CASCADE, related_name="likes")
    user = models.ForeignKey(User, models.CASCADE, related_name="likes")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "user"], name="one_like_for_each_post_and_user")]

    def __str__(self):
        return f"{self.user_id} likes {self.post_id}"


class Comment(models.Model):
    post = models.ForeignKey(Post, models.CASCADE, related_name="comments")
    author = models.ForeignKey(User, models.CASCADE, related_name="comments")
    text = models.TextField(_("comment"), max_length=1000)
    submission = models.UUIDField(default=uuid4, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    activities = GenericRelation(Activity, object_id_field="target_id", content_type_field="target_type")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["author", "submission"], name="one_comment_for_each_form")]

    def __str__(self):
        return self.text[:60]

    def get_absolute_url(self):
        return f"{reverse('post', args=[self.post_id])}#comment-{self.pk}"


class Follow(models.Model):
    follower = models.ForeignKey(User, models.CASCADE, related_name="following")
    followed = models.ForeignKey(User, models.CASCADE, related_name="followers")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["follower", "followed"], name="one_follow_for_each_pair"),
            models.CheckConstraint(condition=~Q(follower=models.F("followed")), name="nobody_follows_themselves"),
        ]

    def __str__(self):
        return f"{self.follower_id} follows {self.followed_id}"

    @classmethod
    def begin(cls, follower, followed):
        with transaction.atomic():
            cls.take_turns(follower)
            _follow, created = cls.objects.get_or_create(follower=follower, followed=followed)
            if created:
                activity.record(follower, Verb.FOLLOWED, followed, recipient=followed)

    @classmethod
    def end(cls, follower, followed):
        with transaction.atomic():
            cls.take_turns(follower)
            cls.objects.filter(follower=follower, followed=followed).delete()
            activity.withdraw(follower, Verb.FOLLOWED, followed)

    @staticmethod
    def take_turns(follower):
        """One deed of a person's at a time: to end what is not committed yet would find nothing to end."""
        User.objects.select_for_update(no_key=True).filter(pk=follower.pk).first()
