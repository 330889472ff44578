"""EventBridge: delivered events carry the account, as on AWS."""
from moto.events.utils import EventTemplateParser

CARRIED = ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")


def install() -> None:
    parse = EventTemplateParser.parse

    def parse_or_take(input_template, input_paths_map, event):
        if input_template or input_paths_map:
            return parse(input_template, input_paths_map, event)
        # moto fills in a template, which takes ten times as long as all the rest of a delivery.
        return {name: event[name] for name in CARRIED}

    EventTemplateParser.parse = staticmethod(parse_or_take)
