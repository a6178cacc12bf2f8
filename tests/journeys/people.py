"""People who use the site: in a browser, and over HTTP where a browser would be slow."""

import re

import httpx

PASSWORD = "a long enough phrase"


class Visitor:
    """Somebody with a browser of their own; whatever the console says against a page is collected."""

    def __init__(self, browser, url, **context):
        self.context = browser.new_context(base_url=url, **context)
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def hear(self, message):
        if message.type == "error":
            self.complaints.append(f"{message.text} {message.location['url']}")

    def sign_up(self, name, email):
        self.page.goto("/accounts/signup/")
        self.page.fill("[name=username]", name)
        self.page.fill("[name=email]", email)
        self.page.fill("[name=password1]", PASSWORD)
        self.page.fill("[name=password2]", PASSWORD)
        self.page.click("main form button")
        self.page.wait_for_url("/")

    def publish(self, photo, caption):
        self.page.goto("/posts/new/")
        self.page.set_input_files("[name=photo]", photo)
        self.page.fill("[name=caption]", caption)
        self.page.click("main form button")
        self.page.wait_for_url(re.compile(r"/posts/\d+/$"))
        return self.page.url

    def letters(self):
        """The subjects in the inbox, the newest first."""
        self.page.goto("/letters/")
        return self.page.locator("[data-testid=letter] b").all_inner_texts()


class Client(httpx.Client):
    """Somebody signed up who sends forms as a browser does, with the token of the page."""

    def __init__(self, url, name, email=""):
        super().__init__(base_url=url, follow_redirects=True, timeout=30)
        self.get("/accounts/signup/").raise_for_status()
        fields = {"username": name, "email": email, "password1": PASSWORD, "password2": PASSWORD}
        assert self.submit("/accounts/signup/", **fields).url.path == "/"

    def submit(self, path, **fields):
        return self.post(path, data=fields | {"csrfmiddlewaretoken": self.cookies["csrftoken"]}).raise_for_status()
