"""What the jobs of this app are called on the dashboard; see web/jobs/titles.py."""

from django.utils.translation import gettext as _

from web.feed.models import Post


def make_thumbnail(calls):
    posts = Post.objects.select_related("author").in_bulk([call["post_id"] for call in calls])
    return [name(posts.get(call["post_id"])) for call in calls]


def name(post):
    return post and _("Thumbnail of a photo by %(user)s") % {"user": post.author.username}
