from django.contrib.auth.views import LogoutView, PasswordResetDoneView
from django.urls import path

from web.accounts import views

urlpatterns = [
    path("signup/", views.SignUp.as_view(), name="signup"),
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("settings/", views.Settings.as_view(), name="settings"),
    path("delete/", views.Deletion.as_view(), name="delete_account"),
    path("jobs/<name>/", views.job, name="own_job"),
    path("password/", views.PasswordChange.as_view(), name="password_change"),
    path("password/reset/", views.PasswordReset.as_view(), name="password_reset"),
    path(
        "password/reset/sent/",
        PasswordResetDoneView.as_view(template_name="accounts/password_reset_done.html"),
        name="password_reset_done",
    ),
    path("password/reset/<uidb64>/<token>/", views.PasswordResetConfirm.as_view(), name="password_reset_confirm"),
]
