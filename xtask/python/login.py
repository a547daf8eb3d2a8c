"""The login of a Django site with Vimeo, by django-allauth or by social-core, as PACKAGE says.

Nothing of the libraries is changed: they call api.vimeo.com, and the environment leads them to the sandbox's proxy.
"""

import os
from html.parser import HTMLParser
from urllib.parse import urlparse

import django
import requests
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import include, path

from steps import run

package = os.environ["PACKAGE"]
client_id, secret = os.environ["VIMEO_CLIENT_ID"], os.environ["VIMEO_CLIENT_SECRET"]

settings.configure(
    ALLOWED_HOSTS=["testserver"],
    SECRET_KEY="of the test",
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.vimeo_oauth2",
        "social_django",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
        "social_django.middleware.SocialAuthExceptionMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    AUTHENTICATION_BACKENDS=[
        "django.contrib.auth.backends.ModelBackend",
        "allauth.account.auth_backends.AuthenticationBackend",
        "social_core.backends.vimeo.VimeoOAuth2",
    ],
    LOGIN_REDIRECT_URL="/inside",
    LOGIN_ERROR_URL="/outside",
    ACCOUNT_EMAIL_VERIFICATION="none",
    ACCOUNT_SIGNUP_FIELDS=["username*"],
    SOCIALACCOUNT_PROVIDERS={"vimeo_oauth2": {"APPS": [{"client_id": client_id, "secret": secret, "key": ""}]}},
    SOCIAL_AUTH_VIMEO_OAUTH2_KEY=client_id,
    SOCIAL_AUTH_VIMEO_OAUTH2_SECRET=secret,
    SOCIAL_AUTH_VIMEO_OAUTH2_SCOPE=["public", "private"],
    SOCIAL_AUTH_RAISE_EXCEPTIONS=False,
)
django.setup()
urlpatterns = [path("accounts/", include("allauth.urls")), path("", include("social_django.urls", namespace="social"))]
call_command("migrate", verbosity=0)

START = {"django-allauth": "/accounts/vimeo_oauth2/login/", "social-core": "/login/vimeo-oauth2/"}[package]
site = Client()


class Form(HTMLParser):
    """The hidden fields of the page's form."""

    def __init__(self, page):
        super().__init__()
        self.fields = {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes["name"]] = attributes["value"]


def come_back(decision):
    """Logs in as a browser would, and gives the site's answer to Vimeo's redirect."""
    begun = site.post(START)
    assert begun.status_code == 302, begun.content
    assert begun["Location"].startswith("https://api.vimeo.com/oauth/authorize?"), begun["Location"]
    page = requests.get(begun["Location"])
    assert page.status_code == 200, page.text
    answer = requests.post(
        page.url.split("?")[0], data={**Form(page.text).fields, "decision": decision}, allow_redirects=False
    )
    assert answer.status_code in (302, 303), answer.text
    back = urlparse(answer.headers["Location"])
    assert back.netloc == "testserver", back
    return site.get(f"{back.path}?{back.query}")


def account():
    """What the library stored of the user."""
    if package == "django-allauth":
        from allauth.socialaccount.models import SocialAccount

        stored = SocialAccount.objects.get()
    else:
        from social_django.models import UserSocialAuth

        stored = UserSocialAuth.objects.get()
    return stored.uid, stored.extra_data


def reject():
    answer = come_back("reject")
    assert "_auth_user_id" not in site.session, "logged in without consent"
    assert answer.status_code in (200, 302), answer.status_code
    if answer.status_code == 302:
        assert "/inside" not in answer["Location"], answer["Location"]


def log_in():
    answer = come_back("accept")
    assert answer.status_code == 302 and answer["Location"] == "/inside", (answer.status_code, answer.content)
    assert site.session["_auth_user_id"]


def get():
    headers = {"Authorization": f"bearer {os.environ['VIMEO_ACCESS_TOKEN']}"}
    me = requests.get("https://api.vimeo.com/me", headers=headers).json()
    uid, stored = account()
    assert uid == me["uri"].rsplit("/", 1)[-1], (uid, me["uri"])
    from django.contrib.auth.models import User

    user = User.objects.get(pk=site.session["_auth_user_id"])
    if package == "django-allauth":
        assert stored["name"] == me["name"], stored
    else:
        assert user.first_name or user.username, user
        assert requests.get("https://api.vimeo.com/me", headers={"Authorization": f"bearer {stored['access_token']}"}).ok


run([("reject", reject), ("log in", log_in), ("get", get)])
