"""Runs cases side by side. Most of a case is waiting: for a silence to pass, for Redis to come back."""

from concurrent.futures import ThreadPoolExecutor

from tests.chaos.crew import Crew
from tests.chaos.size import FULL, sized

pool = ThreadPoolExecutor(sized(4, 1), thread_name_prefix="case")
futures, crews = {}, []


def result(item):
    """The outcome of a test that takes a `case`; in the short run those behind it start as well."""
    cases = [each for each in item.session.items if "case" in each.fixturenames]
    for each in [item] if FULL else cases[cases.index(item) :]:
        if each not in futures:
            futures[each] = pool.submit(run, each, item.funcargs["case"])
    return futures[item].result()


def run(item, folders):
    """Call a test with a maker of crews, which are stopped when it ends."""
    made, arguments = [], dict(item.callspec.params)
    kind = arguments.pop("case")

    def case(*options, **more):
        crew = Crew(folders.mktemp("crew"), kind, *options, **more)
        made.append(crew)
        crews.append(crew)
        return crew

    try:
        item.function(case, **arguments)
    finally:
        for crew in made:
            crew.stop()


def stop():
    """Begin no further case, and end the processes of those that run: the session was interrupted."""
    pool.shutdown(wait=False, cancel_futures=True)
    for crew in crews:
        crew.stop()
