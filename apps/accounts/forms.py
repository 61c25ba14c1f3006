from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from apps.accounts.backends import tried_by, tries


class SignInForm(AuthenticationForm):
    error_messages = {  # noqa: RUF012
        "invalid_login": "This user name and password do not belong together.",
        "inactive": "This account is switched off.",
    }

    def get_invalid_login_error(self) -> ValidationError:
        if tries.exhausted(tried_by(self.request, self.data.get("username"))):
            return ValidationError("Too many wrong passwords. Try again in five minutes.")
        return super().get_invalid_login_error()
