import pytest
from django.test import RequestFactory

from web import visitor

FORGED = "198.51.100.1"


@pytest.fixture
def address(settings):
    """The address of a request: `address("203.0.113.7", "what a router says", trusted=True)`."""

    def address(remote, forwarded=None, trusted=False):
        settings.TRUST_PROXY = trusted
        headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
        return visitor.address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote))

    return address


@pytest.mark.parametrize(
    "remote, told",
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("", "local"),
    ],
)
def test_a_visitor_is_an_address_or_a_network_of_ipv6(address, remote, told):
    assert address(remote) == told


def test_without_a_router_what_a_visitor_claims_is_nothing(address):
    assert address("203.0.113.7", FORGED) == "203.0.113.7"


@pytest.mark.parametrize(
    "forwarded, told",
    [
        ("192.0.2.9", "192.0.2.9"),
        (f"{FORGED}, 192.0.2.9", "192.0.2.9"),
        (f"{FORGED},{FORGED},  2001:db8::1 ", "2001:db8::/64"),
        (f"{FORGED}, unknown", "10.0.0.1"),
        ("", "10.0.0.1"),
        (None, "10.0.0.1"),
        ("x" * 10_240, "10.0.0.1"),
    ],
)
def test_behind_a_router_the_last_address_counts_which_it_added_itself(address, forwarded, told):
    assert address("10.0.0.1", forwarded, trusted=True) == told
