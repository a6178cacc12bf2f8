from django.db import models
from django.db.models.functions import Now


class Outbox(models.Model):
    """A job, or up to a hundred of those enqueued in bulk, on the way into Redis: see worker/outbox.py."""

    token = models.CharField(primary_key=True, max_length=255)
    queue = models.CharField(max_length=255)
    message = models.BinaryField()
    seconds = models.FloatField(null=True)
    due = models.FloatField(null=True)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self):
        return f"{self.token} for {self.queue}"
