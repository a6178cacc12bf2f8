import re
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from web import body
from web.accounts.models import User
from web.feed.forms import CommentForm, PostForm
from web.feed.models import Comment, Follow, Post
from web.files.views import serve
from web.signin import signed_in

PAGE = 12
PHOTO_NAME = re.compile(r"(photos|thumbnails)/(?P<private>private/)?[\w-]{1,64}\.jpg", re.ASCII)


@require_safe
def home(request):
    """What those you follow have posted; everybody's photos for a stranger and for who follows nobody yet."""
    posts = Post.objects.for_page(request.user)
    follows = request.user.is_authenticated and Follow.objects.filter(follower=request.user).exists()
    if follows:
        posts = posts.followed_by(request.user)
    return page(request, "feed/home.html", posts, alone=not follows)


@require_safe
def explore(request):
    return page(request, "feed/explore.html", Post.objects.for_page(request.user))


@require_safe
def profile(request, username):
    person = get_object_or_404(User, username__iexact=username, is_active=True)
    follows = request.user.is_authenticated and Follow.objects.filter(follower=request.user, followed=person).exists()
    posts = Post.objects.for_page(request.user).filter(author=person)
    counts = {
        "post_count": person.posts.visible_to(request.user).count(),
        "follower_count": person.followers.count(),
        "following_count": person.following.count(),
    }
    return page(request, "feed/profile.html", posts, person=person, follows=follows, **counts)


@vary_on_headers("HX-Request")
def page(request, template, posts, **context):
    """A page of posts, the newest first; `?before=<id>` goes on from there, so new posts shift nothing."""
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 20:
        posts = posts.filter(pk__lt=int(before))
    posts = list(posts[: PAGE + 1])
    older = posts[PAGE - 1].pk if len(posts) > PAGE else None
    context |= {"posts": posts[:PAGE], "older": older}
    if request.htmx and before:
        template += "#posts"  # the template's partial: only the posts and the link to older ones
    return render(request, template, context)


@body.takes(settings.PHOTO_MAX_BYTES)
@signed_in
def new_post(request):
    form = PostForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and (post := form.publish(request.user)):
        messages.success(request, _("Your photo is up."))
        return redirect(post)
    return render(request, "feed/new_post.html", {"form": form})


@require_safe
def post(request, pk):
    return thread(request, pk, CommentForm())


@signed_in
def delete_post(request, pk):
    """Ask, then delete."""
    post = get_object_or_404(Post, pk=pk, author=request.user)
    if request.method == "POST":
        post.delete()
        messages.success(request, _("Your photo was deleted."))
        return redirect(request.user)
    return render(request, "feed/delete_post.html", {"post": post})


def locked(pk, reader):
    """The post, which others wait for until the transaction ends: else what refers to it would fail on commit when it
    is deleted, and the undoing of a like would not find one that is not committed yet."""
    posts = Post.objects.visible_to(reader)
    return get_object_or_404(posts.select_for_update(of=("self",), no_key=True), pk=pk)


def in_one_transaction(view):
    """Which finds nothing when one of the people is gone by its end, as the database says then."""

    @wraps(view)
    def deed(*args, **kwargs):
        try:
            with transaction.atomic():
                return view(*args, **kwargs)
        except IntegrityError:
            raise Http404 from None

    return deed


@require_POST
@signed_in
@in_one_transaction
def like(request, pk):
    locked(pk, request.user).like(request.user)
    return heart(request, pk)


@require_POST
@signed_in
@transaction.atomic
def unlike(request, pk):
    locked(pk, request.user).unlike(request.user)
    return heart(request, pk)


def heart(request, pk):
    """The heart alone for htmx, the post's page for a browser without JavaScript."""
    post = get_object_or_404(Post.objects.for_page(request.user), pk=pk)
    return render(request, "feed/post.html#heart", {"post": post}) if request.htmx else redirect(post)


@require_POST
@signed_in
@in_one_transaction
def comment(request, pk):
    post = locked(pk, request.user)
    form = CommentForm(request.POST)
    if form.is_valid():
        written = post.comment(request.user, form.cleaned_data["text"], form.cleaned_data["submission"])
        if not request.htmx:
            return redirect(written)
        form = CommentForm()
    return thread(request, pk, form)


def thread(request, pk, form):
    """The comments alone for htmx, the post's whole page otherwise."""
    post = get_object_or_404(Post.objects.for_page(request.user), pk=pk)
    context = {"post": post, "form": form, "comments": post.comments.select_related("author")}
    return render(request, "feed/post.html#comments" if request.htmx else "feed/post.html", context)


@require_POST
@signed_in
def delete_comment(request, pk):
    """Your own comment, or anybody's below your own photo."""
    comment = get_object_or_404(Comment.objects.select_related("post"), pk=pk)
    if request.user.pk not in (comment.author_id, comment.post.author_id):
        raise Http404
    comment.delete()
    return thread(request, comment.post_id, CommentForm()) if request.htmx else redirect(comment.post)


@require_POST
@signed_in
@in_one_transaction
def follow(request, username):
    person = get_object_or_404(User, username__iexact=username, is_active=True)
    if person != request.user:
        Follow.begin(request.user, person)
    return follow_button(request, person)


@require_POST
@signed_in
def unfollow(request, username):
    person = get_object_or_404(User, username__iexact=username)
    Follow.end(request.user, person)
    return follow_button(request, person)


def follow_button(request, person):
    if not request.htmx:
        return redirect(person)
    follows = Follow.objects.filter(follower=request.user, followed=person).exists()
    context = {"person": person, "follows": follows, "follower_count": person.followers.count()}
    return render(request, "feed/profile.html#follow", context)


@require_safe
def thumbnail(request, pk):
    """The thumbnail's element, which asks for itself again, ever later, until the job has made it."""
    post = get_object_or_404(Post.objects.for_page(request.user), pk=pk)
    waited = request.GET.get("waited", "")
    wait = min(2 * int(waited), 60) if waited.isdecimal() and len(waited) < 4 else 1
    return render(request, "feed/post.html#thumbnail", {"post": post, "wait": max(wait, 1)})


@require_safe
@csp_override({"default-src": [CSP.NONE], "sandbox": True})
def photo(request, name):
    """A photo or thumbnail, for whoever knows its name, unless it is private."""
    return serve(request, name, "image/jpeg", private=check_may_see(request, name))


def check_may_see(request, name):
    """Raise Http404 for what is no photo, or one that is not for this reader; returns whether it is for them alone.

    Its folder tells, so that the others, which pages are full of, cost no query, and may be kept for everybody.
    """
    found = PHOTO_NAME.fullmatch(name)
    if found is None:
        raise Http404
    if not found["private"]:
        return False
    mine = Post.objects.visible_to(request.user).filter(author=request.user.pk)
    if not mine.filter(Q(photo=name) | Q(thumbnail=name)).exists():
        raise Http404
    return True
