from django.urls import path, register_converter
from django.urls.converters import StringConverter

from web.feed import views


class Username(StringConverter):
    regex = r"[^/\0]+"  # PostgreSQL takes no NUL in a query


register_converter(Username, "username")

urlpatterns = [
    path("", views.home, name="home"),
    path("explore/", views.explore, name="explore"),
    path("posts/new/", views.new_post, name="new_post"),
    path("posts/<int:pk>/", views.post, name="post"),
    path("posts/<int:pk>/delete/", views.delete_post, name="delete_post"),
    path("posts/<int:pk>/like/", views.like, name="like"),
    path("posts/<int:pk>/unlike/", views.unlike, name="unlike"),
    path("posts/<int:pk>/comments/", views.comment, name="comment"),
    path("posts/<int:pk>/thumbnail/", views.thumbnail, name="thumbnail"),
    path("comments/<int:pk>/delete/", views.delete_comment, name="delete_comment"),
    path("people/<username:username>/", views.profile, name="profile"),
    path("people/<username:username>/follow/", views.follow, name="follow"),
    path("people/<username:username>/unfollow/", views.unfollow, name="unfollow"),
    path("photos/<path:name>", views.photo, name="photo"),
]
