"""The services that notifications may go to, as https://appriseit.com/services writes them.

What is left out needs a program, a device or a library of its own, speaks no HTTP or mail, or is
nothing that people read.
"""

from urllib.parse import parse_qsl

WRITTEN = """
    mailto mailtos mailgun sendgrid postmark resend sparkpost brevo smtp2go o365 ses
    slack discord msteams workflow workflows gchat webex wxteams mmost mmosts rocket rockets zulip
    matrix matrixs ryver twist flock guilded lark feishu dingtalk wecombot zoom cliq zohocliq zcliq
    synology synologys nctalk nctalks
    tgram signal signals whatsapp threema line
    ntfy ntfys gotify gotifys pover pbul prowl join bark barks simplepush pushy pushdeer pushdeers
    pushme spush push
    opsgenie pagerduty pagertree victorops splunk signl4 goalert goalerts betterstack squadcast
    ilert incidentio firehydrant jira spike
    twilio vonage nexmo sns clickatell plivo sinch msgbird
    json jsons xml xmls form forms apprise apprises ifttt mastodon mastodons
"""
SERVICES = frozenset(WRITTEN.split())
NOT_KEPT = (
    "It begins with none of the services that we send to, such as mailto://, slack://,"
    " workflows://, discord://, tgram://, ntfy:// or pagerduty://."
)

# What an address may ask of apprise, and is not done here. `verify=no` is for whoever keeps the
# destination to say: plain http:// and mail are worse.
NO_FILE = "no file of this machine is read"
NOT_DONE = {
    "attach": "nothing is attached",
    "pgp": NO_FILE,
    "pgpprv": NO_FILE,
    "pgppub": NO_FILE,
    "template": NO_FILE,
    "redirect": "redirects are not followed",
}
# To these a template is one of their own, by its id.
TEMPLATES_OF_THEIRS = frozenset({"sendgrid", "whatsapp"})
NO = frozenset({"", "no", "false", "0", "off", "n", "f"})


def is_kept(url: str) -> bool:
    """Tell whether an address, as apprise writes them, is of a service that is kept."""
    schema, found, _ = url.strip().partition("://")
    return bool(found) and schema.lower() in SERVICES


def asked_in_vain(url: str) -> str:
    """Say what an address asks for that is not done, "" where it asks for nothing of the kind."""
    # By the first question mark, as apprise does: a channel is written #alerts in front of it.
    before, _, query = url.strip().partition("?")
    schema = before.partition("://")[0].lower()
    for name, value in parse_qsl(query.replace(";", "&"), keep_blank_values=True):
        name = name.strip().lower()
        if name == "template" and schema in TEMPLATES_OF_THEIRS:
            continue
        if name in NOT_DONE and value.strip().lower() not in NO:
            return f"Leave out {name}=: {NOT_DONE[name]}."
    return ""
