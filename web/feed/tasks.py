import logging

from django.tasks import task

from web.feed import photo
from web.feed.models import Post

logger = logging.getLogger(__name__)


@task
def make_thumbnail(post_id):
    """Cut the thumbnail of a post that has none yet."""
    post = Post.objects.filter(pk=post_id, thumbnail="").first()
    if post is None:
        logger.info("skipped thumbnail of post %s: it is gone or has one", post_id)
        return
    with post.photo.open() as file:
        post.thumbnail.save("thumbnail.jpg", photo.thumbnail(file), save=False)
    if not Post.objects.filter(pk=post_id, thumbnail="").update(thumbnail=post.thumbnail.name):
        post.thumbnail.delete(save=False)  # the post was deleted meanwhile
