"""Blocks of a Prefect server that actions name: webhooks, and where notifications go."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from apps.automations.doing.job import CannotDo
from apps.automations.doing.sending.told import Call, Notify

Data = Mapping[str, Any]

WEBHOOK = "webhook"
NO_WEBHOOK = "The block is no webhook."
CUSTOM = "custom-webhook"
PLACEHOLDER = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


def check_block(kind: str, block: Mapping[str, Any]) -> None:
    """Look whether an action of this kind can use a block; raises CannotDo."""
    slug = _slug(block)
    if kind == "call-webhook" and slug != WEBHOOK:
        raise CannotDo(NO_WEBHOOK)
    if kind == "send-notification" and slug not in (CUSTOM, *ADDRESSES):
        raise CannotDo(_not_sent_to(slug))


def webhook_of_block(block: Mapping[str, Any]) -> Call:
    """Return the request that a webhook block makes; raises CannotDo."""
    data = block.get("data") or {}
    if _slug(block) != WEBHOOK or not data.get("url"):
        raise CannotDo(NO_WEBHOOK)
    headers = {str(name).lower(): str(value) for name, value in (data.get("headers") or {}).items()}
    return Call(method=str(data.get("method") or "POST"), url=str(data["url"]), headers=headers)


def notification_of_block(block: Mapping[str, Any], subject: str, body: str) -> Call | Notify:
    """Return what a notification block sends; raises CannotDo."""
    if _slug(block) == CUSTOM:
        return _custom(block.get("data") or {}, subject, body)
    return Notify(address_of_block(block), subject, body)


def address_of_block(block: Mapping[str, Any]) -> str:
    """Return where a notification block sends to, as apprise writes it; raises CannotDo."""
    slug = _slug(block)
    if slug not in ADDRESSES:
        raise CannotDo(_not_sent_to(slug))
    try:
        return ADDRESSES[slug](block.get("data") or {})
    except KeyError as missing:
        raise CannotDo(f"The block has no {missing}.") from None


def _custom(data: Data, subject: str, body: str) -> Call:
    """Return the request of a block that says itself what it sends, with its placeholders."""
    values = {**(data.get("secrets") or {}), "subject": subject, "body": body}
    values["name"] = data.get("name") or ""

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), value)
        if isinstance(value, Mapping):
            return {key: filled(one) for key, one in value.items()}
        return [filled(one) for one in value] if isinstance(value, list) else value

    headers = {name.lower(): value for name, value in filled(data.get("headers") or {}).items()}
    if cookies := filled(data.get("cookies") or {}):
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    content = b""
    if (told := filled(data.get("json_data"))) is not None:
        content, kind = json.dumps(told).encode(), "application/json"
        headers.setdefault("content-type", kind)
    elif isinstance(told := filled(data.get("form_data")), str):
        content = told.encode()
    elif told:
        content, kind = urlencode(told).encode(), "application/x-www-form-urlencoded"
        headers.setdefault("content-type", kind)
    url = filled(str(data.get("url") or ""))
    if params := filled(data.get("params") or {}):
        url += f"{'&' if '?' in url else '?'}{urlencode(params)}"
    return Call(method=str(data.get("method") or "POST"), url=url, headers=headers, body=content)


def _not_sent_to(slug: str) -> str:
    return f"Nothing is sent to a block of the type “{slug}”."


def _slug(block: Mapping[str, Any]) -> str:
    return str((block.get("block_type") or {}).get("slug", ""))


def _url(data: Data) -> str:
    return str(data["url"])


def _pagerduty(data: Data) -> str:
    source, component = data.get("source") or "Prefect", data.get("component") or "Notification"
    return (
        f"pagerduty://{_q(data['integration_key'])}@{_q(data['api_key'])}"
        f"/{_q(source)}/{_q(component)}"
    )


def _opsgenie(data: Data) -> str:
    targets = [
        f"{mark}{_q(one)}"
        for name, mark in (("target_user", "@"), ("target_team", "%23"), ("target_schedule", "*"))
        for one in data.get(name) or ()
    ]
    return "/".join([f"opsgenie://{_q(data['apikey'])}", *targets])


def _mattermost(data: Data) -> str:
    schema = "mmosts" if data.get("secure", True) else "mmost"
    bot = f"{_q(data['botname'])}@" if data.get("botname") else ""
    path = f"/{data['path'].strip('/')}" if data.get("path") else ""
    channels = ",".join(_q(one) for one in data.get("channels") or ())
    port = data.get("port") or 8065
    return (
        f"{schema}://{bot}{data['hostname']}:{port}{path}/{_q(data['token'])}?channels={channels}"
    )


def _discord(data: Data) -> str:
    bot = f"{_q(data['botname'])}@" if data.get("botname") else ""
    return f"discord://{bot}{_q(data['webhook_id'])}/{_q(data['webhook_token'])}"


def _twilio(data: Data) -> str:
    to = "/".join(_q(one) for one in data["to_phone_numbers"])
    account = f"{_q(data['account_sid'])}:{_q(data['auth_token'])}"
    return f"twilio://{account}@{_q(data['from_phone_number'])}/{to}"


def _sendgrid(data: Data) -> str:
    to = "/".join(_q(one) for one in data["to_emails"])
    return f"sendgrid://{_q(data['api_key'])}:{_q(data['sender_email'])}/{to}"


def _q(value: object) -> str:
    return quote(str(value), safe="@+")


ADDRESSES: Mapping[str, Callable[[Data], str]] = {
    "slack-webhook": _url,
    "ms-teams-webhook": _url,
    "pager-duty-webhook": _pagerduty,
    "opsgenie-webhook": _opsgenie,
    "mattermost-webhook": _mattermost,
    "discord-webhook": _discord,
    "twilio-sms": _twilio,
    "sendgrid-email": _sendgrid,
}
