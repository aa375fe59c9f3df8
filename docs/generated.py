"""What the documentation takes from the code when it is built: parameters and public functions (a hook of MkDocs)."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import guided_imagination
from guided_imagination.config import Parameters

BASE = Path(__file__).parents[1] / "conf" / "base"
NAME = "NAME"  # stands for the names of a dictionary: of presets, datasets, rows
NOTHING = object()
SCHEMA: dict[str, Any] = Parameters.model_json_schema()


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs with every page."""
    for name, make in {"parameters": parameters_page, "api": api_page}.items():
        place = f"{{{{ {name} }}}}"
        if place in markdown:
            markdown = markdown.replace(place, make())
    return markdown


@dataclass
class Key:
    """One parameter: its place in YAML, what is allowed, and the kinds of generator or source that have it."""

    place: tuple[str, ...]
    schema: dict[str, Any]
    required: bool
    kinds: dict[str, str]  # with what they say of themselves

    @property
    def meaning(self) -> str:
        """The field's own description, or that of its model."""
        found = (schema.get("description", "") for schema in (self.schema, *_options(self.schema)))
        return " ".join(next(filter(None, found), "").split())


def parameters_page() -> str:
    values = shipped_values()
    return "\n\n".join(_section(name, keys, values) for name, keys in sections().items())


def sections() -> dict[str, list[Key]]:
    """Every key of the typed settings, in their order: first those that stand alone, then those with keys below."""
    found: dict[str, list[Key]] = {"At the top": []}
    for name, schema in SCHEMA["properties"].items():
        keys = _merged(_keys((name,), schema, name in SCHEMA["required"], {}))
        if len(keys) == 1:
            found["At the top"] += keys
        else:
            found[name] = keys
    return found


def _keys(place: tuple[str, ...], schema: dict[str, Any], required: bool, kinds: dict[str, str]) -> Iterator[Key]:
    """The key at `place`, and those below it."""
    if place[-1] != NAME:
        yield Key(place, schema, required, kinds)
    options = _options(schema)
    for option in options:
        if isinstance(option.get("additionalProperties"), dict):
            yield from _keys((*place, NAME), option["additionalProperties"], False, kinds)
        properties = option.get("properties", {})
        kind = properties.get("kind", {}).get("const") if len(options) > 1 else None
        own = {kind: option["description"]} if kind else kinds
        for name, below in properties.items():
            yield from _keys((*place, name), below, name in option.get("required", []), own)


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """What a value may be, with references looked up."""
    options = [schema] if "$ref" in schema else schema.get("anyOf") or schema.get("oneOf") or [schema]
    return [SCHEMA["$defs"][option["$ref"].rsplit("/", 1)[1]] if "$ref" in option else option for option in options]


def _merged(keys: Iterator[Key]) -> list[Key]:
    """Keys that several kinds have in common, once."""
    found: dict[tuple[object, ...], Key] = {}
    for key in keys:
        said = (allowed(key.schema), key.meaning) if key.place[-1] != "kind" else ()
        same = found.setdefault((key.place, *said), key)
        same.kinds = {**same.kinds, **key.kinds}
        if same is not key and key.place[-1] == "kind":
            same.schema = {**key.schema, "enum": list(same.kinds)}
            del same.schema["const"]
    return list(found.values())


def allowed(schema: dict[str, Any]) -> str:
    """The values of a JSON schema in words."""
    words = [_one(option) for option in _options(schema)]
    return ", or ".join(dict.fromkeys(words))


def _one(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind in ("integer", "number"):
        return f"{'whole number' if kind == 'integer' else 'number'}{_range(schema)}"
    if kind == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(allowed(item) for item in schema['prefixItems'])}]"
        return f"list of {allowed(schema.get('items', {}))}"
    if kind == "object":
        if "properties" in schema:
            return "the keys below"
        inner = schema.get("additionalProperties")
        return f"names with {allowed(inner)}" if isinstance(inner, dict) and inner else "keys and values"
    if kind == "string":
        return f"text like `{schema['pattern'].replace('|', chr(92) + '|')}`" if "pattern" in schema else "text"
    return {"boolean": "`true`, `false`", "null": "`null`"}.get(kind, "anything")


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    parts = [
        f"from {low:g}" if low is not None else f"above {above:g}" if above is not None else "",
        f"to {high:g}" if high is not None else f"below {below:g}" if below is not None else "",
        f"in steps of {schema['multipleOf']:g}" if "multipleOf" in schema else "",
    ]
    return "".join(f" {part}" for part in parts if part)


def shipped_values() -> dict[str, Any]:
    """`conf/base` as it is written, nothing looked up."""
    found: dict[str, Any] = {}
    for path in sorted(BASE.glob("parameters*.yml")):
        found |= yaml.safe_load(path.read_text()) or {}
    return found


def _default(key: Key, values: dict[str, Any]) -> str:
    value = _look_up(values, key.place) if NAME not in key.place else NOTHING
    if value is NOTHING:
        value = key.schema.get("default", NOTHING)
    if isinstance(value, dict) and "the keys below" in allowed(key.schema):
        return ""  # they have theirs
    if value is NOTHING:
        return "must be given" if key.required else ""
    return f"`{_yaml(value)}`"


def _look_up(values: Any, place: tuple[str, ...]) -> Any:
    for part in place:
        if not isinstance(values, dict) or part not in values:
            return NOTHING
        values = values[part]
    return values


def _yaml(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1_000, sort_keys=False).strip()
    return text.removesuffix("...").strip()


def _section(name: str, keys: list[Key], values: dict[str, Any]) -> str:
    kinds = {kind: text for key in keys for kind, text in key.kinds.items()}
    texts = [f"## {name}"]
    if keys[0].place == (name,):
        texts = [f"## `{name}` {{ #{name} }}", keys[0].meaning]
        texts += ["\n".join(f"- `{kind}`: {text}" for kind, text in kinds.items())] if kinds else []
        presets = values.get(name) if any(key.place[1] == NAME for key in keys[1:]) else None
        texts += [f"In `conf/base`: {', '.join(f'`{preset}`' for preset in presets)}."] if presets else []
        keys = keys[1:]
    rows = [_row(key, kinds, values) for key in keys]
    return "\n\n".join([*texts, "\n".join(["| key | allowed | default | meaning |", "|---|---|---|---|", *rows])])


def _row(key: Key, kinds: dict[str, str], values: dict[str, Any]) -> str:
    some = f" ({', '.join(key.kinds)})" if len(key.kinds) < len(kinds) and key.kinds else ""
    named = f"`{'.'.join(key.place[1:] or key.place)}`{some}"
    return f"| {named} | {allowed(key.schema)} | {_default(key, values)} | {key.meaning.replace('|', chr(92) + '|')} |"


def api_page() -> str:
    """The functions of `guided_imagination.__all__`: signature and docstring."""
    names = list(getattr(guided_imagination, "__all__", []))
    if not names:
        return "This version has none: everything is done by `kedro run` and read from its files."
    found = {name: getattr(guided_imagination, name) for name in names}
    classes = [name for name in names if inspect.isclass(found[name])]
    return "\n\n".join(_entry(name, found[name]) for name in sorted(names, key=lambda name: name in classes))


def _entry(name: str, value: Any) -> str:
    parts = [f"## `{name}` {{ #{name} }}", _examples(inspect.getdoc(value) or "")]
    if inspect.isroutine(value):
        parts.insert(1, f"```python\n{name}{_signature(value)}\n```")
    return "\n\n".join(parts)


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    short = str(signature)
    if len(short) < 72:
        return short
    arguments, kind = "", None
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and kind is not parameter.kind:
            arguments += "    *,\n"
        arguments += f"    {parameter},\n"
        kind = parameter.kind
    return f"(\n{arguments}){short[short.rindex(') ->') + 1 :] if ') ->' in short else ''}"


def _examples(text: str) -> str:
    """Paragraphs of a docstring, those that are examples as code."""
    return "\n\n".join(
        f"```python\n{part}\n```" if part.startswith(">>>") else part for part in re.split(r"\n\s*\n", text)
    )
