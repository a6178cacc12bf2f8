"""Files in a bucket that speaks the S3 protocol.

Imported when STORAGE_URL is set, and then by who needs a file first: boto3 takes a quarter of a second and 40 MB.
"""

import logging
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from storages.backends.s3 import S3Storage

from web.files.errors import Unavailable

logger = logging.getLogger(__name__)

ABSENT = ("NoSuchKey", "404")  # to a GET, and to a HEAD, whose answer has no words


class Bucket(S3Storage):
    """A private bucket: what is in it is served by web, see web/files/views.py."""

    def get_default_settings(self):
        """django-storages looks into the environment too, where something of another account may lie."""
        ours = {"transfer_config": TransferConfig(use_threads=False), "security_token": None, "session_profile": None}
        return super().get_default_settings() | ours

    def __init__(self, **options):
        # Others than Amazon have no name in the DNS for each bucket, and not all know Amazon's newer checksums.
        style = "path" if options.get("endpoint_url") else "auto"
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": style},
            connect_timeout=2,
            read_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=25,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            ignore_configured_endpoint_urls=True,
        )
        super().__init__(**options, client_config=config)

    def _open(self, name, mode="rb"):
        """The whole file: one request, where django-storages makes three."""
        with self.asked(name):
            answer = self.bucket.Object(name).get()
            return ContentFile(answer["Body"].read(), name)

    def _save(self, name, content):
        with self.asked(name):
            return super()._save(name, content)

    def size(self, name):
        with self.asked(name):
            return self.bucket.Object(name).content_length

    def exists(self, name):
        try:
            self.size(name)
        except FileNotFoundError:
            return False
        return True

    def delete(self, name):
        with self.asked(name):
            super().delete(name)

    @contextmanager
    def asked(self, name):
        """Raise FileNotFoundError or Unavailable for what boto3 raises, without its traceback, which has the secret."""
        try:
            yield
            return
        except ClientError as error:
            code, text = (error.response.get("Error", {}).get(part, "") for part in ("Code", "Message"))
            if code in ABSENT:
                raise FileNotFoundError(f"{self} has no file {name!r}") from None
            told = f"{self} refused {error.operation_name} of {name}: {code} {text}".rstrip()
        except (BotoCoreError, Boto3Error) as error:
            told = f"{self} cannot be reached: {error}"
        logger.warning("%s. Correct STORAGE_URL, or what it leads to", told)  # a page has a dozen: no alarm for each
        raise Unavailable(name, told) from None

    def __str__(self):
        return f"bucket {self.bucket_name} at {self.endpoint_url or f'Amazon in {self.region_name}'}"
