"""Somebody who signs up, has a look, and leaves nothing behind."""

import re
import secrets
import time
from html import unescape
from io import BytesIO

from PIL import Image

from tests.smoke.site import Visitor, Wrong, check


class Guest(Visitor):
    def __init__(self, url, email):
        super().__init__(url)
        self.email = email
        self.name = f"smoke-{secrets.token_hex(12)}"
        self.password = secrets.token_urlsafe(24)
        self.may_exist = self.has_signed_up = False
        self.profile_path = f"/people/{self.name}/"
        self.post_path = self.photo_path = None
        self.jobs = []

    def sign_up(self):
        self.see("/accounts/signup/")
        self.may_exist = True  # from here on, even when no answer comes
        fields = {"username": self.name, "email": self.email, "password1": self.password, "password2": self.password}
        response = self.submit("/accounts/signup/", **fields)
        check(response.status_code == 302, f"nobody can sign up: {refusal(response)}")
        self.has_signed_up = True

    def publish(self):
        """Post a photo that nobody else sees, and only where that can be asked for."""
        form = self.see("/posts/new/").text
        check('name="visibility"' in form, "the form at /posts/new/ does not ask who sees it, so nothing is posted")
        photo = BytesIO()
        Image.effect_noise((64, 48), 50).save(photo, "JPEG")
        files = {"photo": ("smoke.jpg", photo.getvalue(), "image/jpeg")}
        response = self.submit("/posts/new/", files=files, caption="A smoke test.", visibility="only_me")
        found = re.search(r"/posts/\d+/$", response.headers.get("location", ""))
        check(found, f"nobody can post a photo: {refusal(response)}")
        self.post_path = found.group()
        self.jobs = re.findall(r"[^\s,]+", response.headers.get("x-job-ids", ""))

    def leave(self):
        """Delete the account with all that is in it, if there is one; what fails is tried three times."""
        for pause in (1, 2, 0):
            try:
                self.delete()
                break
            except Wrong as error:
                if not pause:
                    self.may_exist = False  # said once
                    raise Wrong(f"the account {self.name} is left behind, delete it by hand: {error}") from error
                time.sleep(pause)

    def delete(self):
        if self.may_exist and (self.is_signed_in() or self.sign_in()):
            response = self.submit("/accounts/delete/", password=self.password)
            check(response.status_code == 302, f"the account cannot be deleted: {refusal(response)}")
        self.may_exist = False

    def is_signed_in(self):
        return self.get("/accounts/delete/").status_code == 200

    def sign_in(self):
        """Whether there is such an account."""
        response = self.submit("/accounts/login/", username=self.name, password=self.password)
        check(response.status_code in (200, 302), f"nobody can sign in: {refusal(response)}")
        return response.status_code == 302


def refusal(response):
    """What an answer has against a form that was sent."""
    path, errors = response.request.url.path, re.findall(r'"errorlist.*?</ul>', response.text, re.DOTALL)
    said = " ".join(unescape(re.sub(r"<[^>]*>", " ", f"<{error}")).strip() for error in errors)
    return f"{path} says {said!r}" if said else f"POST {path} answers {response.status_code}"
