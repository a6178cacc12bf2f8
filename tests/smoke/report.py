"""What a smoke test prints: a line for each check, and a plain sentence for each that fails."""

import pytest

from tests.smoke.site import Wrong


class Report:
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        if report.failed:
            say("FAIL", sentence(call.excinfo.value, item.name))
        elif report.skipped:
            say("skip", f"{promise(item)}: {call.excinfo.value}")
        elif report.when == "call":
            say("ok", promise(item))
        return report

    def pytest_collectreport(self, report):
        if report.failed:
            say("FAIL", f"the smoke test itself is broken: {report.longreprtext.splitlines()[-1]}")

    def pytest_keyboard_interrupt(self, excinfo):
        """Also how a run ends that is not begun."""
        if excinfo.errisinstance(pytest.exit.Exception):
            say("FAIL", str(excinfo.value))
        elif excinfo.type is KeyboardInterrupt:
            say("FAIL", "interrupted")


def say(word, text):
    print(f"{word:4}  {text}{'' if text.endswith(('.', '?')) else '.'}", flush=True)


def promise(item):
    """What a test shows, as its docstring says it."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return item.function.__doc__.format(**parameters).rstrip(".")


def sentence(error, test):
    if isinstance(error, Wrong):
        return str(error)
    return f"{test} cannot tell: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
