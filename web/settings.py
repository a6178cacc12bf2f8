"""Settings of the web process and of the worker, which loads the same apps.

Every variable is read once, here, in web/site.py or in worker/config.py; .env.example gives the reason for each.
"""

import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.utils.csp import CSP
from redis.backoff import NoBackoff
from redis.retry import Retry

from web import site
from web.files import address
from web.hooks import table
from worker import config, env, log
from worker.connection import MOST

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"

# What this process is

DEBUG = env.boolean("DEBUG")
DEMO = env.boolean("DEMO")
BUILDING = sys.argv[1:2] == ["collectstatic"]  # an image or a slug, before there are secrets and a place
SECRET_KEY = site.secret_key(DEBUG, BUILDING)
SECRET_KEY_FALLBACKS = env.listing("SECRET_KEY_FALLBACKS")

# Where it is reached

PORT = env.integer("PORT", 8000)
SITE_URL = site.url(PORT, DEBUG, BUILDING)
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS") or [*LOCAL_HOSTS, *({urlsplit(SITE_URL).hostname} - {*LOCAL_HOSTS})]
HTTPS = SITE_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS") or [SITE_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
if HTTPS:  # a browser takes these names over https alone, and from no other site of the domain
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# A router in front says in headers how and from where a visitor came. Without one, visitors could say so themselves.
TRUST_PROXY = env.boolean("TRUST_PROXY", "DYNO" in os.environ)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None
SECURE_SSL_REDIRECT = HTTPS and TRUST_PROXY
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # the site may be a subdomain of a domain that is not ours to decide about
    "security.W021",
]
if not TRUST_PROXY:  # then nobody knows who came by https, and a redirect to it would go round for ever
    SILENCED_SYSTEM_CHECKS.append("security.W008")
PERMISSIONS_POLICY = {
    name: [] for name in ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "microphone",
                          "midi", "payment", "usb")
}  # fmt: skip
SECURE_CSP = {
    "default-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:", "blob:"],  # blob: is the preview of a photo before it is sent
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}

# What it is made of

INSTALLED_APPS = [
    "web",
    "web.accounts",
    "web.notifications",
    "web.feed",
    "web.files",
    "web.letters",
    "web.jobs",
    "web.hooks",
    "worker",
    "django_htmx",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "web.health.middleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "web.origin.middleware",
    "web.traffic.middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "web.languages.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "web.body.Middleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "web.urls"
WSGI_APPLICATION = "web.wsgi.application"

LOADERS = ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            # Django would keep templates in memory in DEBUG too, and only `runserver` would see that one changed.
            "loaders": LOADERS if DEBUG else [("django.template.loaders.cached.Loader", LOADERS)],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "web.notifications.bell.unread",
                "web.letters.views.reader",
            ],
        },
    }
]

# Where things are kept

VAR.mkdir(exist_ok=True)
DATABASE_URL = env.url(
    "DATABASE_URL",
    f"sqlite:///{VAR / 'db.sqlite3'}",
    ("postgres://user:password@host:5432/name", "postgresql://user:password@host:5432/name", "sqlite:///path"),
)
database = dj_database_url.parse(DATABASE_URL)
if database["ENGINE"].endswith("sqlite3"):
    options = {
        # A transaction takes the write lock when it begins: one that read first could not wait for it later.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL",
    }
else:
    # A worker has more threads than connections: its jobs can wait for one, a request should not have to.
    patience = 60 if Path(sys.argv[0]).name == "celery" else 5
    options = {
        "pool": {"min_size": 1, "max_size": 5, "timeout": patience},
        # A host that vanishes, as in a failover, says nothing: by default a query waits for its answer for two hours.
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,  # milliseconds
    }
database["OPTIONS"] = options | database.get("OPTIONS", {})  # those of the URL, such as ?sslmode=verify-full
DATABASES = {"default": database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHE_URL = config.any_certificate(env.url("CACHE_URL", "", config.REDIS_FORMS))
CACHES = {
    "default": {
        "BACKEND": "web.cache.Cache",
        "LOCATION": CACHE_URL or config.REDIS_URL,
        "KEY_PREFIX": "cache",
        "TIMEOUT": 90 * 60,
        "OPTIONS": {
            "pool_class": "redis.BlockingConnectionPool",
            "max_connections": MOST,
            "timeout": 0.2,
            "socket_timeout": 0.2,
            "socket_connect_timeout": 0.2,
            "retry": Retry(NoBackoff(), 0),
        },
    }
}
SESSION_ENGINE = "web.sessions"


def photos():
    """Where web and worker both find photos: the bucket of STORAGE_URL, else the database."""
    if found := env.text("STORAGE_URL"):  # not kept in a setting, where a page of DEBUG would show its secret
        return {"BACKEND": "web.files.bucket.Bucket", "OPTIONS": address.options(found)}
    return {"BACKEND": "web.files.database.DatabaseStorage"}


STORAGES = {
    "default": photos(),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
STATIC_URL = "static/"
STATIC_ROOT = ROOT / "staticfiles"
WHITENOISE_USE_FINDERS = DEBUG
DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024  # a form without its files
DATA_UPLOAD_MAX_NUMBER_FILES = 1
PHOTO_MAX_BYTES = 10 * 1024 * 1024
PHOTO_MAX_PIXELS = 40_000_000

# Jobs and mail

TASKS = {
    "default": {
        "BACKEND": {
            "queue": "worker.backend.QueueBackend",
            "thread": "worker.backend.ThreadBackend",
            "immediate": "worker.backend.ImmediateBackend",
        }[env.choice("TASK_BACKEND", "queue", ("queue", "thread", "immediate"))],
        "QUEUES": ["default", "mailers"],
    }
}

SMTP_URL = env.url(
    "SMTP_URL", "", ("smtp://host:25", "submission://user:password@host:587", "smtps://user:password@host:465")
)


def delivery():
    """The mailer that jobs deliver with: the server of SMTP_URL, or the inbox at /letters/ when there is none."""
    if not SMTP_URL:
        return {"BACKEND": "web.letters.backend.LetterMailer"}
    parts = urlsplit(SMTP_URL)
    return {
        "BACKEND": "worker.mail.SmtpMailer",
        "OPTIONS": {
            "host": parts.hostname,
            "port": parts.port,
            "username": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "use_tls": parts.scheme == "submission",
            "use_ssl": parts.scheme == "smtps",
            "timeout": 10,
        },
    }


MAILERS = {"default": {"BACKEND": "worker.mail.QueuedMailer"}, "delivery": delivery()}
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Kickstand <hello@localhost>")

# People

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_RESET_TIMEOUT = 24 * 60 * 60
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語"), ("ko", "한국어")]
TIME_ZONE = "UTC"

# What other services may send

HOOKS = table.hooks()
HOOK_SECRETS = table.secrets()
HOOK_RATE = env.integer("HOOK_RATE", 100)

# What it tells

METRICS_TOKEN = env.text("METRICS_TOKEN")
LOGGING = log.settings()
LOGGING["filters"] = {"address": {"()": "web.paths.Masked"}}
LOGGING["handlers"]["stdout"]["filters"] = ["address"]

if config.SENTRY_DSN:
    from worker import sentry  # a tenth of a second that nobody waits for in vain

    sentry.start()
