from django.test import Client, TestCase


class Browser(Client):
    """A browser whose requests commit: when the answer is there, the jobs that it enqueued have run."""

    def request(self, **request):
        with TestCase.captureOnCommitCallbacks(execute=True):
            return super().request(**request)

    @property
    def is_signed_in(self):
        return self.get("/accounts/settings/").status_code == 200
