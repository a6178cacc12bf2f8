from django.db import models


class File(models.Model):
    """A file that is kept here for want of a bucket. Others hold its name alone, so no query of theirs carries it."""

    name = models.CharField(max_length=255, primary_key=True)
    content = models.BinaryField()
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.name
