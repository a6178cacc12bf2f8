import pytest
from django.db import IntegrityError

from web.accounts.models import User


def test_a_username_is_taken_in_any_case(alice, person):
    with pytest.raises(IntegrityError):
        person("ALICE")


def test_an_email_may_be_blank_for_many(person):
    person("carol", email="")
    person("dave", email="")

    assert User.objects.filter(email="").count() == 2


def test_everybody_has_a_long_token_of_their_own(alice, bob):
    assert alice.access_token != bob.access_token
    assert min(len(alice.access_token), len(bob.access_token)) >= 32


def test_no_two_users_can_have_one_token(alice, bob):
    with pytest.raises(IntegrityError):
        User.objects.filter(pk=bob.pk).update(access_token=alice.access_token)
