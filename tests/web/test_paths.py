import logging

import pytest
from django.test import RequestFactory

from web.paths import Masked, shown

TOKEN = "c8x2vz-0123456789abcdef"


@pytest.mark.parametrize("path, expected", [
    ("/posts/7/", "/posts/7/"),
    (f"/accounts/password/reset/MQ/{TOKEN}/", "/accounts/password/reset/MQ/***/"),
    (f"/accounts/password/reset/MQ/{TOKEN}", "/accounts/password/reset/MQ/***"),
    ("/people/한국/", "/people/%ED%95%9C%EA%B5%AD/"),
    ("/nowh\nere c", "/nowh%0Aere%20c"),
    ("/nowhere/", "/nowhere/"),
    *((path, "/accounts/***") for path in (
        f"/accounts/password/reset/MQ/{TOKEN}/>", f"/accounts/password/reset/MQ/{TOKEN}/.",
        f"/accounts/password/reset//MQ/{TOKEN}/",
    )),
    (f"/Accounts/password/reset/MQ/{TOKEN}/", "/Accounts/***"),
    (f"//accounts/password/reset/MQ/{TOKEN}/", "//***"),
])  # fmt: skip
def test_a_path_is_shown_in_one_word_and_without_what_is_secret(path, expected):
    request = RequestFactory().get("/", {"q": "private"})
    request.path = path
    assert shown(request) == expected


def test_what_django_logs_of_a_request_says_no_more():
    request = RequestFactory().get(f"/accounts/password/reset/MQ/{TOKEN}/")
    record = logging.makeLogRecord(
        {"msg": "%s: %s", "args": ("Internal Server Error", request.path), "request": request}
    )
    assert Masked().filter(record)
    assert record.getMessage() == "Internal Server Error: /accounts/password/reset/MQ/***/"


def test_other_lines_are_left_alone():
    record = logging.makeLogRecord({"msg": "%s", "args": ("/posts/7/",)})
    assert Masked().filter(record)
    assert record.getMessage() == "/posts/7/"
