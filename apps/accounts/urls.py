from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from apps.accounts.forms import SignInForm

urlpatterns = [
    path(
        "sign-in",
        LoginView.as_view(
            template_name="accounts/sign_in.html",
            authentication_form=SignInForm,
            redirect_authenticated_user=True,
        ),
        name="sign-in",
    ),
    path(
        "sign-out",
        # Those who may not read must be able to leave, too.
        login_not_required(LogoutView.as_view(next_page="sign-in")),
        name="sign-out",
    ),
]
