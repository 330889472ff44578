"""Answers in half the time: what moto works out for every value of every answer is worked out once."""
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
        for name in names:
            value = get_value(obj, name, MISSING)
            if value is not MISSING:
                return value
        return None


def install() -> None:
    responses.XFormedAttributePicker = Picker
    # Asked twice for every request, and read from the disk each time.
    modules = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
