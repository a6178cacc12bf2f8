"""Migrations run before new code does, and while the old one still serves: they must suit both."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser import analyse_sql_statements, get_sql_analyser_class

from tests.servers import ROOT

OURS = [config.label for config in apps.get_app_configs() if config.name.partition(".")[0] in ("web", "worker")]


@pytest.fixture
def postgres():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite rewrites whole tables, which says little of what is deployed")


@pytest.mark.django_db(transaction=True)
def test_the_code_before_can_run_with_every_migration(postgres):
    linter = MigrationLinter(str(ROOT), include_apps=OURS, no_cache=True)
    linter.lint_all_migrations()
    assert linter.nb_total >= 5
    assert not linter.has_errors  # named in the output


@pytest.mark.parametrize(
    "change",
    [
        'ALTER TABLE "feed_post" ADD COLUMN "place" integer NOT NULL;',
        'ALTER TABLE "feed_post" DROP COLUMN "caption";',
        'ALTER TABLE "feed_post" RENAME TO "feed_picture";',
    ],
)
def test_the_linter_finds_what_it_could_not_run_with(postgres, change):
    errors, *_ = analyse_sql_statements(get_sql_analyser_class(connection.vendor), [change])
    assert errors


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
