import logging

import pytest
from prometheus_client import CollectorRegistry

from web import traffic


@pytest.fixture
def lines(caplog):
    """The lines of the requests, and their fields."""
    caplog.set_level(logging.INFO, "web.traffic")
    return lambda: [(record.getMessage(), record.fields) for record in caplog.records if record.name == "web.traffic"]


def counted(method, view, status):
    registry = CollectorRegistry()
    traffic.register(registry)
    labels = {"method": method, "view": view, "status": status}
    return registry.get_sample_value("kickstand_requests_total", labels) or 0


def test_a_request_is_one_line_and_one_count(browser, alice, lines):
    visitor = browser(alice)
    before = counted("GET", "settings", "2xx")
    visitor.get("/accounts/settings/?next=private")
    ((line, fields),) = lines()
    assert line.startswith("GET /accounts/settings/ status=200 elapsed=")
    assert (fields["method"], fields["path"], fields["status"]) == ("GET", "/accounts/settings/", 200)
    assert fields["elapsed"] > 0
    assert counted("GET", "settings", "2xx") == before + 1


@pytest.mark.parametrize("path, status", [("/nowhere/", 404), ("/accounts/settings", 301), ("/jobs/", 302)])
def test_so_is_one_that_finds_nothing(browser, lines, path, status):
    browser().get(path)
    ((line, _),) = lines()
    assert line.startswith(f"GET {path} status={status}")


def test_one_that_is_forged_has_its_line_as_well(browser, alice, lines):
    browser(alice, enforce_csrf_checks=True).post("/accounts/logout/")
    ((line, _),) = lines()
    assert line.startswith("POST /accounts/logout/ status=403")


def test_methods_and_paths_that_somebody_makes_up_are_counted_together(browser):
    before = counted("other", "none", "4xx")
    for number in range(3):
        browser().generic(f"BREW{number}", f"/tea/{number}/")
    assert counted("other", "none", "4xx") == before + 3


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_have_none(browser, lines, path):
    browser().get(path)
    assert lines() == []
