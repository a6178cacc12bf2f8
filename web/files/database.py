"""Files in the database, which web and worker share wherever they run, as they do not share a disk."""

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db.models.functions import Length

from web.files.models import File


class DatabaseStorage(Storage):
    """For files of a few megabytes, each written and read as a whole. A name that is there already is overwritten."""

    def get_available_name(self, name, max_length=None):
        return name

    def _save(self, name, content):
        content.seek(0)
        file = File(name=name, content=content.read())
        # One statement, which does not load what it overwrites.
        File.objects.bulk_create([file], update_conflicts=True, unique_fields=["name"], update_fields=["content"])
        return name

    def _open(self, name, mode="rb"):
        return ContentFile(bytes(one(name, "content")), name)

    def size(self, name):
        return one(name, Length("content"))

    def exists(self, name):
        return File.objects.filter(pk=name).exists()

    def delete(self, name):
        File.objects.filter(pk=name).delete()


def one(name, value):
    """A value of the file's row; FileNotFoundError when there is none."""
    found = File.objects.filter(pk=name).values_list(value, flat=True).first()
    if found is None:
        raise FileNotFoundError(f"the database has no file {name!r}")
    return found
