import pytest

from worker import job


def mail(user_id, subject="", **options):
    pass


class Row:
    pk = 7

    def __repr__(self):
        return "<Row: Bob>"


@pytest.mark.parametrize("value", [1, "a", None, True, 1.5, [1, {"a": [None]}], {"a": 1}, (1, 2)])
def test_plain_json_is_taken(value):
    job.check(mail, [value], {})


def test_an_object_is_refused_by_name_with_a_hint():
    with pytest.raises(
        TypeError, match=r"mail\(\) got user_id=<Row: Bob>, a Row, which JSON cannot hold: pass its \.pk"
    ):
        job.check(mail, [Row()], {})


@pytest.mark.parametrize("value", [{1}, b"bytes", float("nan"), float("inf"), {1: "a"}, [object()], {"a": {2}}])
def test_what_json_would_change_is_refused(value):
    with pytest.raises(TypeError, match="subject="):
        job.check(mail, [1], {"subject": value})


@pytest.mark.parametrize("args, kwargs", [([], {}), ([1, 2, 3], {}), ([1], {"user_id": 1})])
def test_a_call_that_does_not_fit_is_refused_at_once(args, kwargs):
    with pytest.raises(TypeError):
        job.check(mail, args, kwargs)


def test_secrets_are_masked_wherever_they_stand():
    shown = job.masked(
        job.parameters(mail),
        [1, "hello"],
        {"password": "a", "api_key": "b", "options": [{"Authorization": "c", "n": 1}]},
    )
    assert shown == "user_id=1 subject='hello' password=*** api_key=*** options=[{Authorization: ***, n: 1}]"


def test_long_values_are_cut():
    assert len(job.masked(job.parameters(mail), [1, "x" * 10_000], {})) < 120
