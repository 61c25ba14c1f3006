"""Everything Eventfeed reads from its environment, with safe defaults."""

from pathlib import Path

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
    "EVENTFEED_MAX_BODY", 16 * 1024 * 1024, least=64 * 1024, most=64 * 1024 * 1024
)
EVENTFEED_AUTH = environment.choice("EVENTFEED_AUTH", "on", among=("on", "off"))

# Reading and sending need no token: said by whoever binds the server, here only if always.
LOCAL_MODE = EVENTFEED_AUTH == "off"

DEBUG = False
SECRET_KEY = environment.text("EVENTFEED_SECRET_KEY") or kept_secret_key(EVENTFEED_DATA)
LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = LOOPBACK_HOSTS + environment.names("EVENTFEED_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = environment.names("EVENTFEED_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "unfold",
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
    "apps.ingest",
    "apps.feed",
    "apps.accounts",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

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
            ]
        },
    }
]

EMBEDDED = not environment.text("DATABASE_URL")
DATABASES = {
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
        "pool": {"min_size": 1, "max_size": 16, "timeout": 10, "max_idle": 60},
        # A transaction left open would hold the horizon of every follower back.
        "options": "-c idle_in_transaction_session_timeout=30000",
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
APPEND_SLASH = False
