"""The database of a case: SQLite in a file, or PostgreSQL."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from functools import cache

import psycopg

from tests.environment import STATE
from tests.servers import ROOT, Postgres

one_at_a_time = threading.Lock()


class Database:
    """A database with all tables. kind: `sqlite` or `postgres`."""

    def __init__(self, kind, folder):
        self.postgres, self.path = None, folder / "db.sqlite3"
        if kind == "postgres":
            self.postgres = Postgres(STATE / f"postgres-{folder.name}")
            self.url = self.postgres.url
            migrate(self.url)
        else:
            self.url = f"sqlite:///{self.path}"
            with one_at_a_time:
                shutil.copy(migrated(), self.path)

    def ask(self, query):
        """The rows of a query."""
        with closing(self.connect()) as connection:
            return connection.execute(query).fetchall()

    def change(self, statement):
        with closing(self.connect()) as connection:
            connection.execute(statement)
            connection.commit()

    def connect(self):
        return psycopg.connect(self.url) if self.postgres else sqlite3.connect(self.path)

    def stop(self):
        if self.postgres:
            self.postgres.stop()


@cache
def migrated():
    """A SQLite file with all tables, to be copied."""
    migrate(f"sqlite:///{STATE}/migrated.sqlite3")
    return STATE / "migrated.sqlite3"


def migrate(url):
    command = [sys.executable, "manage.py", "migrate", "--no-input", "-v", "0"]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, check=True)
