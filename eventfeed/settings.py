"""Everything Eventfeed reads from its environment, with safe defaults."""

import sys
from pathlib import Path
from typing import Any

import structlog
from csp.constants import NONE, SELF
from django.templatetags.static import static
from django.urls import reverse_lazy

from eventfeed import environment
from eventfeed.embedded.place import DATABASE, PORT, USER, Place
from eventfeed.secret_key import kept_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent

EVENTFEED_DATA = environment.folder("EVENTFEED_DATA", BASE_DIR / "data")
EVENTFEED_RETENTION_DAYS = environment.number("EVENTFEED_RETENTION_DAYS", 30, least=1, most=3650)
EVENTFEED_PARTITION = environment.choice(
    "EVENTFEED_PARTITION", "day", among=("day", "week", "month")
)
EVENTFEED_MAX_BODY = environment.number(
    "EVENTFEED_MAX_BODY", 32 * 1024 * 1024, least=64 * 1024, most=64 * 1024 * 1024
)
EVENTFEED_AUTH = environment.choice("EVENTFEED_AUTH", "on", among=("on", "off"))
# Where our own requests may go although the address is private: a Prefect server, a receiver.
EVENTFEED_ALLOWED_DESTINATIONS = environment.names("EVENTFEED_ALLOWED_DESTINATIONS")
# Seconds that an absence waits for events that are still on their way.
EVENTFEED_ABSENCE_GRACE = environment.number("EVENTFEED_ABSENCE_GRACE", 10, least=0, most=3600)
EVENTFEED_HEARTBEAT_URL = environment.web_address("EVENTFEED_HEARTBEAT_URL")
EVENTFEED_FLYTE_GRPC = environment.address("EVENTFEED_FLYTE_GRPC", "127.0.0.1:8089")
EVENTFEED_FLYTE_FORWARD = environment.server("EVENTFEED_FLYTE_FORWARD")
EVENTFEED_OTLP_GRPC = environment.address("EVENTFEED_OTLP_GRPC", "127.0.0.1:4317")

# Reading and sending need no token: said by whoever binds the server, here only if always.
# It does not say that only this machine gets in: with EVENTFEED_AUTH=off everybody may.
LOCAL_MODE = EVENTFEED_AUTH == "off"

DEBUG = False
SECRET_KEY = environment.secret("EVENTFEED_SECRET_KEY") or kept_secret_key(EVENTFEED_DATA)
# The key before this one: what was signed or encrypted with it stays good.
FORMER_KEY = environment.secret("EVENTFEED_SECRET_KEY_FALLBACK")
SECRET_KEY_FALLBACKS = [FORMER_KEY] if FORMER_KEY else []
LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = LOOPBACK_HOSTS + environment.hosts("EVENTFEED_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = environment.origins("EVENTFEED_TRUSTED_ORIGINS")
# Where people open it, for links in what is sent to them; `up` knows when nothing else does.
EVENTFEED_ADDRESS = environment.origin("EVENTFEED_ADDRESS") or next(iter(CSRF_TRUSTED_ORIGINS), "")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "eventfeed",
    "apps.events",
    "apps.resources",
    "apps.automations",
    "apps.ingest",
    "apps.feed",
    "apps.accounts",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "eventfeed.content_policy.ContentPolicy",
    "eventfeed.paths.EitherSlash",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.accounts.middleware.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.feed.visible.Visible",
]

AUTHENTICATION_BACKENDS = ["apps.accounts.backends.PatientBackend"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
# Behind TLS, said by the addresses one may come from, cookies travel by TLS only.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = bool(CSRF_TRUSTED_ORIGINS) and all(
    origin.startswith("https://") for origin in CSRF_TRUSTED_ORIGINS
)
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

ROOT_URLCONF = "eventfeed.urls"
ASGI_APPLICATION = "eventfeed.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.feed.standing.standing",
            ]
        },
    }
]

EMBEDDED = not environment.text("DATABASE_URL")
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "eventfeed.embedded.backend",
        "NAME": DATABASE,
        "USER": USER,
        "HOST": str(Place(EVENTFEED_DATA).socket_folder),
        "PORT": str(PORT),
    }
    if EMBEDDED
    else environment.database("DATABASE_URL")
}
# ASGI serves each request in a thread of its own, so connections are pooled, not kept by threads.
DATABASES["default"] |= {
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        **DATABASES["default"].get("OPTIONS", {}),
        "pool": {"min_size": 1, "max_size": 16, "timeout": 3, "max_idle": 60},
        # A transaction left open would hold the horizon of every follower back.
        "options": "-c idle_in_transaction_session_timeout=30000",
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "eventfeed.formats"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "eventfeed.static_files.VersionedStorage"},
}
# A path with and without its last slash is the same page: eventfeed.paths.
APPEND_SLASH = False

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.api.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.accounts.api.CanRead"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Eventfeed",
    "VERSION": "1",
    "DESCRIPTION": "Prefect's own read API is answered and described as its server does: "
    "`/api/events/filter`, `/api/events/filter/next`, `/api/events/count-by/…`, `/api/events/out`.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}


def _admin_page(title: str, icon: str, model: str) -> dict[str, Any]:
    app, _, name = model.partition("_")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{name}"),
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Eventfeed",
    "SITE_HEADER": "Eventfeed",
    "SITE_SUBHEADER": "Admin",
    "SITE_URL": "/",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("img/eventfeed.svg")}
    ],
    "STYLES": [lambda _: static("css/admin.css")],
    # The accent of the pages, #3b5bdb and its neighbours.
    "COLORS": {
        "primary": {
            "50": "#edf2ff",
            "100": "#dbe4ff",
            "200": "#bac8ff",
            "300": "#91a7ff",
            "400": "#748ffc",
            "500": "#8ea6ff",
            "600": "#3b5bdb",
            "700": "#364fc7",
            "800": "#2f44ad",
            "900": "#283a91",
            "950": "#1b2660",
        }
    },
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            {
                "items": [
                    _admin_page("Events", "list", "events_event"),
                    _admin_page("Rejections", "block", "events_rejection"),
                    _admin_page("Sources", "input", "events_source"),
                    _admin_page("Webhooks", "webhook", "ingest_hook"),
                    _admin_page("Relays", "sync_alt", "ingest_relay"),
                ]
            },
            {
                "title": "Who may",
                "items": [
                    _admin_page("Tokens", "key", "accounts_token"),
                    _admin_page("Users", "person", "auth_user"),
                    _admin_page("Groups", "group", "auth_group"),
                ],
            },
        ],
    },
}

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "lines": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(
                    colors=sys.stderr.isatty(),
                    # Not the one of rich, which prints local variables, secrets among them.
                    exception_formatter=structlog.dev.plain_traceback,
                ),
            ],
            # Lines of the standard library's loggers look like ours.
            "foreign_pre_chain": [
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "apps": {"level": "INFO"},
        "eventfeed": {"level": "INFO"},
        # Its handlers would say each line twice, or mail it.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},
        # Whoever scans the network would fill the log.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # While PostgreSQL is away it warns of each try; the recorder and the watch say it once.
        "psycopg.pool": {"level": "ERROR"},
    },
}
