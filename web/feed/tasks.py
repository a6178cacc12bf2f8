import logging

from django.core.files.storage import default_storage
from django.db.models import Q
from django.tasks import task

from web.feed import photo
from web.feed.models import Post

logger = logging.getLogger(__name__)


@task(keep_result=3600)  # so that its author can ask after it
def make_thumbnail(post_id):
    """Cut the thumbnail of a post that has none yet."""
    post = Post.objects.filter(pk=post_id, thumbnail="").first()
    if post is None:
        logger.info("skipped thumbnail of post %s: it is gone or has one", post_id)
        return
    with post.photo.open() as file:
        post.thumbnail.save("thumbnail.jpg", photo.thumbnail(file), save=False)
    if not Post.objects.filter(pk=post_id).update(thumbnail=post.thumbnail.name):
        delete_files.enqueue([post.thumbnail.name])  # the post was deleted meanwhile


@task
def delete_files(names):
    """Delete those of the files that no post has."""
    used = Post.objects.filter(Q(photo__in=names) | Q(thumbnail__in=names)).values_list("photo", "thumbnail")
    for name in set(names).difference(*used):
        default_storage.delete(name)
