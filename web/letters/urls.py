from django.urls import path

from web.letters import views

urlpatterns = [
    path("", views.index, name="letters"),
    path("delete/", views.delete_all, name="delete_letters"),
    path("<int:pk>/", views.letter, name="letter"),
    path("<int:pk>/html/", views.html, name="letter_html"),
    path("<int:pk>/raw/", views.raw, name="letter_raw"),
    path("<int:pk>/attachments/<int:number>/", views.attachment, name="letter_attachment"),
    path("<int:pk>/delete/", views.delete, name="delete_letter"),
]
