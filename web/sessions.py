"""Sessions in the database, with a copy in the cache (SESSION_ENGINE)."""

from django.contrib.sessions.backends import cached_db, db


class SessionStore(cached_db.SessionStore):
    """Keeps no copy of a session that ended while a request read or wrote it, which would sign its owner in again.

    It costs a query for each session that the cache did not have, or that is written.
    """

    def load(self):
        self.is_copied = False
        found = super().load()
        if self.is_copied and self.has_ended():
            self._session_key = None  # as where there is no row
            return {}
        return found

    def _get_session_from_db(self):
        self.is_copied = True
        return super()._get_session_from_db()

    def save(self, must_create=False):
        super().save(must_create)
        self.has_ended()

    def has_ended(self):
        if not self.session_key or db.SessionStore.exists(self, self.session_key):
            return False
        self._cache.delete(self.cache_key)
        return True
