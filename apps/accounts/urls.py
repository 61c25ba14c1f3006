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
    path("sign-out", LogoutView.as_view(next_page="sign-in"), name="sign-out"),
]
