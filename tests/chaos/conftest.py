import pytest

from tests.chaos import beside, report
from tests.chaos.crew import Crew
from tests.chaos.server import kinds


@pytest.fixture
def crew(tmp_path):
    crew = Crew(tmp_path / "crew")
    yield crew
    crew.stop()


@pytest.fixture(params=kinds())
def case(tmp_path_factory):
    """In the test, a maker of crews on the Redis that it runs against: `case("--maxmemory", "8mb")`."""
    return tmp_path_factory


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if "case" not in pyfuncitem.fixturenames:
        return None
    beside.result(pyfuncitem)
    return True


def pytest_sessionfinish():
    beside.stop()
    report.keep()
