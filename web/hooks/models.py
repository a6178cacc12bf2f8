import json

from django.db import models


class Delivery(models.Model):
    """A message that another service has sent to a hook, once however often it came."""

    hook = models.CharField(max_length=64)
    message_id = models.CharField(max_length=128)
    body = models.TextField()
    received_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hook", "message_id"], name="each_message_once")]

    def __str__(self):
        return f"{self.hook} {self.message_id}"

    @property
    def content(self):
        """What the body says, if it is JSON; a ValueError if not."""
        return json.loads(self.body)
