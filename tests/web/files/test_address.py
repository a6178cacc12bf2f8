import pytest

from web.files.address import options
from worker.errors import ConfigurationError


def test_a_bucket_of_amazon():
    found = options("s3://AKIA123:ab%2Fc+d%3A@photos.example.com?region=eu-west-1")

    assert found == {"access_key": "AKIA123", "secret_key": "ab/c+d:", "bucket_name": "photos.example.com",
                     "region_name": "eu-west-1", "endpoint_url": None}  # fmt: skip


@pytest.mark.parametrize(
    "said, endpoint, region",
    [
        ("endpoint=https://minio.example.com:9000", "https://minio.example.com:9000", "us-east-1"),
        ("endpoint=http://127.0.0.1:9000&region=here-1", "http://127.0.0.1:9000", "here-1"),
        ("region=auto&endpoint=https%3A%2F%2Fr2.example.com%2Fs3", "https://r2.example.com/s3", "auto"),
    ],
)
def test_a_bucket_elsewhere(said, endpoint, region):
    found = options(f"s3://k:s@photos/?{said}")

    assert (found["bucket_name"], found["endpoint_url"], found["region_name"]) == ("photos", endpoint, region)


@pytest.mark.parametrize(
    "address, told",
    [
        ("https://KEY:hush@photos?region=x", "'https://***@photos': use"),
        ("s3://photos?region=eu-west-1", "'s3://photos': use"),
        ("s3://KEY@photos?region=eu-west-1", "'s3://***@photos': use"),
        ("s3://KEY:hush@?region=eu-west-1", "'s3://***@': use"),
        ("s3://KEY:hush@Photos?region=eu-west-1", "'***': use"),
        ("s3://KEY:hu/sh@photos?region=eu-west-1", "'s3://***@photos': use"),
        ("s3://KEY:hu@sh@photos?region=eu-west-1", "'s3://***@photos': use"),
        ("s3://KEY:hu?sh@photos?region=eu-west-1", "'***': use"),
        ("s3://KEY:hush", "'***': use"),
        ("KEY:hush@photos?endpoint=https://host", "'***': use"),
        ("hush", "'***': use"),
        ("s3://KEY:hush@photos", "says neither region nor endpoint"),
        ("s3://KEY:hush@photos?", "says neither region nor endpoint"),
        ("s3://KEY:hush@photos?region=", "its region is none"),
        ("s3://photos:x@photos?key=KEY&secret=hush&region=eu-west-1", "takes no options but region and endpoint"),
        ("s3://KEY:hush@photos?endpoint=minio:9000", "its endpoint is not the address of a server"),
        ("s3://KEY:hush@photos?endpoint=https://", "its endpoint is not the address of a server"),
        ("s3://KEY:hush@photos?endpoint=https://host:many", "its endpoint is not the address of a server"),
        ("s3://KEY:hush@photos?endpoint=https://KEY:hush@host", "its endpoint is not the address of a server"),
    ],
)
def test_a_wrong_one_is_an_error_that_tells_what_is_allowed_and_no_secret(address, told):
    with pytest.raises(ConfigurationError) as error:
        options(address)

    message = str(error.value)
    assert message.startswith("STORAGE_URL is ") and told in message
    for allowed in ("s3://KEY:SECRET@bucket?region=eu-west-1", "?endpoint=https://host:port", "%2F"):
        assert allowed in message
    assert "\n" not in message
    for secret in ("hush", "hu/sh", "hu@sh", "hu?sh"):
        assert secret not in message
