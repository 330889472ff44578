"""EventBridge: delivered events carry the account, as on AWS."""
from moto.events.utils import EventTemplateParser


def install() -> None:
    template = EventTemplateParser.DEFAULT_EVENT_INPUT_TEMPLATE
    EventTemplateParser.DEFAULT_EVENT_INPUT_TEMPLATE = template.replace(
        '"region":', '"account": "<account>", "region":')
