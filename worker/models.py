from django.db import models
from django.db.models.functions import Now


class Outbox(models.Model):
    """A job that is on its way into Redis, written in the transaction that enqueued it."""

    token = models.CharField(primary_key=True, max_length=255)
    queue = models.CharField(max_length=255)
    message = models.BinaryField()
    seconds = models.FloatField(null=True)
    due = models.FloatField(null=True)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self):
        return f"job {self.token} for {self.queue}"
