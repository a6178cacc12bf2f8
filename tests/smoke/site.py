"""A deployed site as a visitor meets it, and what is wrong with it, in a sentence each."""

import re
import socket
import ssl
from functools import cache
from urllib.parse import urlsplit

import httpx

LOCAL = ("localhost", "127.0.0.1", "::1")
PATIENCE = 15  # seconds for an answer


class Wrong(Exception):
    """What is wrong with the site."""


def check(right, sentence):
    if not right:
        raise Wrong(sentence)


class Visitor(httpx.Client):
    """Somebody with cookies of their own, who follows no redirects. What fails is raised as Wrong."""

    def __init__(self, url):
        headers = {"User-Agent": "kickstand-smoke"}
        super().__init__(base_url=url, timeout=PATIENCE, headers=headers, verify=certificates())
        self.url = url

    def send(self, request, **options):
        try:
            return super().send(request, **options)
        except httpx.HTTPError as error:
            raise Wrong(f"{request.method} {request.url}: {reason(error)}") from error

    def see(self, path, **options):
        """The answer to a GET, which has to be 200."""
        response = self.get(path, **options)
        check(response.status_code == 200, f"GET {path} answers {response.status_code}, and not 200")
        return response

    def is_turned_away(self, path):
        """Whether the answer is to sign in, or that there is nothing for this visitor."""
        response = self.get(path)
        to_sign_in = response.is_redirect and "/login/" in response.headers["location"]
        return to_sign_in or response.status_code in (401, 403, 404)

    def submit(self, path, page=None, files=None, **fields):
        """Send a form of `page`, which is at `path` itself unless that is given, as a browser does."""
        page = page or path
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.see(page).text)
        check(token, f"{page} shows no form")
        fields["csrfmiddlewaretoken"] = token.group(1)
        headers = {"Origin": self.url, "Referer": f"{self.url}{page}"}
        return self.post(path, data=fields, files=files, headers=headers)


@cache
def certificates():
    """Those that are trusted; SSL_CERT_FILE names others. To read them takes longer than a check."""
    return httpx.create_ssl_context()


def reason(error):
    """Why there is no answer, in words, from what lies below an exception of httpx."""
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {PATIENCE} s"
    cause = error
    while cause := cause.__cause__ or cause.__context__:
        match cause:
            case ssl.SSLCertVerificationError():
                return f"its certificate is not valid: {cause.verify_message}"
            case ssl.SSLError():
                return f"TLS does not come about: {cause.reason or cause}"
            case socket.gaierror():
                return "its name cannot be resolved"
            case ConnectionRefusedError():
                return "nothing listens there"
    return f"{error or type(error).__name__}"


def address(url):
    """The URL of a site, without what follows its name. Raises Wrong for what is none."""
    check(url, "URL is missing: make smoke URL=https://www.example.com")
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and parts.path in ("", "/") and " " not in url
        fine = whole and httpx.URL(url).host and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        fine = False
    check(fine, f"URL is {url!r}: use the like of https://www.example.com, with nothing after the name")
    return f"{parts.scheme}://{parts.netloc}"


def recognize(visitor):
    """Raise Wrong for what does not answer, or is not ours: nothing else should be tried on it."""
    health = visitor.get("/healthz")
    if health.is_redirect:
        raise Wrong(f"{visitor.url} sends visitors on to {health.headers.get('location')}: smoke that")
    there = health.status_code == 200 and health.text == "ok\n"
    check(there, f"{visitor.url} is not Kickstand, or is down: /healthz answers {health.status_code}, and not ok")
    ready = visitor.get("/readyz")
    try:
        parts = ready.json().keys()
    except (ValueError, AttributeError):
        parts = ()
    check({"database", "redis", "cache"} <= {*parts}, f"{visitor.url} is not Kickstand: /readyz tells of no database")
