"""What is wrong with the jobs Redis is said in the reader's language."""

import re
from itertools import product

import pytest
from django.utils import translation

from web.jobs.findings import TEXTS, told
from worker.api import health

COMMAND = re.compile(r"redis-cli .* CONFIG SET [a-z-]+ [a-z]+$")


@pytest.fixture
def findings():
    """Every one that there can be."""
    settings = [
        None,
        *({"appendfsync": fsync, "save": save} for fsync, save in product(("no", "always"), ("", "60 1"))),
    ]
    infos = [{"aof_enabled": log, "maxmemory": limit} for log, limit in product((0, 1), (0, 1000))]
    infos += [info | {"maxmemory_policy": "allkeys-lru"} for info in infos]
    pairs = list(product(settings, infos))
    return [found for pair in pairs for found in (*health.memory(*pair), *health.persistence(*pair))]


def test_each_is_in_the_catalogues(findings):
    texts = {finding.form for finding in findings} | {finding.mend for finding in findings}
    assert {text for text in texts if not COMMAND.fullmatch(text)} == set(TEXTS)


@pytest.mark.parametrize("language", ["ja", "ko"])
def test_each_is_translated_and_keeps_its_values(findings, language):
    with translation.override(language):
        for finding in findings:
            assert told(finding).form != finding.form
            assert all(
                str(value) in told(finding).text for name, value in finding.values.items() if name in finding.form
            )
            assert COMMAND.fullmatch(finding.mend) or told(finding).mend != finding.mend
