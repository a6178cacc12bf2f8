from django.urls import path

from web.hooks import views

urlpatterns = [path("<slug:name>", views.receive, name="hook")]
