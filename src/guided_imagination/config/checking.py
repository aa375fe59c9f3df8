"""Parameters from plain values, or the sentence that says what is wrong with them."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from guided_imagination.config.parameters import Parameters
from guided_imagination.config.strict import gone
from guided_imagination.utils.errors import InputError


def check(raw: Mapping[str, Any]) -> Parameters:
    """Parameters from nested plain values.

    Raises InputError: one sentence with the place, the value, and what is allowed.
    """
    try:
        return Parameters.model_validate(dict(raw))
    except ValidationError as error:
        (place, problem), *more = (_found(item) for item in error.errors(include_url=False)[:3])
        others = "".join(f"; {where}{'' if what[0] == ':' else ' '}{what}" for where, what in more)
        raise InputError(f"{problem}{others}", parameter=f"parameters: {place}".rstrip()) from error


def _found(error: Mapping[str, Any]) -> tuple[str, str]:
    """Where an error is, and what it is."""
    place, _ = _walk(error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        if advice := gone(place):
            return place, f"is gone: {advice}"
        _, allowed = _walk(error["loc"][:-1])
        return place, f"is not a known key; allowed here: {', '.join(allowed)}"
    if error["type"] == "missing":
        return place, "is missing"
    if not place:
        return "", message
    lowered = f"{message[0].lower()}{message[1:]}"
    return place, f": {lowered}" if isinstance(error["input"], Mapping) else f"= {error['input']!r}: {lowered}"


def _walk(location: tuple[Any, ...]) -> tuple[str, list[str]]:
    """The place in YAML of a pydantic location, and the keys that the model there takes."""
    schema: dict[str, Any] = Parameters.model_json_schema()
    node, place = schema, []

    def resolve(node: dict[str, Any]) -> dict[str, Any]:
        return schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node

    for part in location:
        # pydantic names the kind of a generator or source in the location; a user looks for the key in YAML
        if part in node.get("discriminator", {}).get("mapping", {}):
            node = resolve({"$ref": node["discriminator"]["mapping"][part]})
            continue
        place.append(str(part))
        node = resolve(node)
        node = node.get("properties", {}).get(part) or node.get("additionalProperties") or node.get("items") or {}
        node = node if isinstance(node, dict) else {}
        node = next((option for option in node.get("anyOf", []) if "$ref" in option), node)
    return ".".join(place), list(resolve(node).get("properties", {}))
