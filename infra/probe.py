"""`python -m infra.probe URL`: succeed when URL answers 200, for health checks of images that have no curl."""

import sys
import urllib.error
import urllib.request


def main(url):
    try:
        urllib.request.urlopen(url, timeout=5)
    except urllib.error.HTTPError as error:
        sys.exit(f"{url} answered {error.code}: {error.read(500).decode(errors='replace')}")
    except OSError as error:
        sys.exit(f"{url} does not answer: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
