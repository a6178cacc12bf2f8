"""From where a request comes, as far as that cannot be forged."""

from ipaddress import ip_address, ip_network

from django.conf import settings


def address(request):
    """The visitor's IPv4 address, or their IPv6 network of 64 bits, in which one household has every address."""
    ip = forwarded(request) or parsed(request.META["REMOTE_ADDR"])
    if ip is None:  # a Unix socket, on which everybody comes from the same place
        return "local"
    return str(ip) if ip.version == 4 else str(ip_network((ip, 64), strict=False))


def forwarded(request):
    """What the router in front added to X-Forwarded-For: the last address. Those before it are the visitor's claim."""
    if not settings.TRUST_PROXY:
        return None
    return parsed(request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip())


def parsed(text):
    """The address, or None if it is none. On a socket for both, IPv4 comes as IPv6: ::ffff:192.0.2.1."""
    try:
        ip = ip_address(text)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip
