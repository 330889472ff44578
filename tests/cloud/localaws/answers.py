"""Answers in half the time: what moto works out for every value of every answer is worked out once."""
from xml.sax.saxutils import escape, quoteattr

from moto import backends
from moto.core import responses, serialize
from moto.core.utils import MISSING, get_value


class Picker(serialize.XFormedAttributePicker):
    """Finds the value of a field in moto's objects, under one of several possible names."""

    _names: dict[tuple, tuple[str, ...]] = {}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._changed = {path.rsplit(".", 1)[-1] for path in self.response_transformers}

    def __call__(self, context):
        if context.key in self._changed:
            return super().__call__(context)
        obj = context.obj
        # A shape is one place in the model, and lives as long as the model does.
        place = (type(obj), context.key, context.shape)
        names = self._names.get(place)
        if names is None:
            names = self._names[place] = tuple(dict.fromkeys(self.get_possible_keys(context)))
        return _first(obj, names)


def _first(obj: object, names: tuple[str, ...]) -> object:
    for name in names:
        value = get_value(obj, name, MISSING)
        if value is not MISSING:
            return value
    return None


_get_value = serialize.ResponseSerializer.get_value


def _picked(self, value: object, key: str, shape) -> object:
    """moto's get_value, which describes the place at length for a picker that has mostly been there before."""
    picker = self._value_picker
    if isinstance(picker, Picker) and key not in picker._changed:
        names = Picker._names.get((type(value), key, shape))
        if names is not None:
            return _first(value, names)
    return _get_value(self, value, key, shape)


def xml(body: dict) -> str:
    """What xmltodict makes of an answer of EC2, in a fifth of the time."""
    out = ['<?xml version="1.0" encoding="utf-8"?>\n']
    for name, value in body.items():
        _element(out, name, value)
    return "".join(out)


def _element(out: list[str], name: str, value: object) -> None:
    if isinstance(value, list):
        for one in value:
            _element(out, name, one)
    elif isinstance(value, dict):
        given = "".join(f" {key[1:]}={quoteattr(str(one))}" for key, one in value.items() if key[0] == "@")
        out.append(f"<{name}{given}>")
        for key, one in value.items():
            if key[0] != "@":
                _element(out, key, one)
        out.append(f"</{name}>")
    else:
        text = "" if value is None else str(value).lower() if isinstance(value, bool) else escape(str(value))
        out.append(f"<{name}>{text}</{name}>")


def install() -> None:
    serialize.ResponseSerializer.get_value = _picked
    serialize.EC2Serializer._serialize_body = lambda self, body: xml(body)
    responses.XFormedAttributePicker = Picker
    # Asked twice for every request, and read from the disk each time.
    modules = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
