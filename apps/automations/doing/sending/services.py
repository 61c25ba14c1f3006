"""The services that notifications may go to, as https://appriseit.com/services writes them.

What is left out needs a program, a device or a library of its own, speaks no HTTP or mail, or is
nothing that people read.
"""

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


def is_kept(url: str) -> bool:
    """Tell whether an address, as apprise writes them, is of a service that is kept."""
    schema, found, _ = url.strip().partition("://")
    return bool(found) and schema.lower() in SERVICES
