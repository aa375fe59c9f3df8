"""What the documentation takes from the code when it is built: parameters and public functions (a hook of MkDocs)."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import guided_imagination
from guided_imagination.config import Parameters
from guided_imagination.config.datasets import ImagesSpec
from guided_imagination.config.models import PretrainedModel

BASE = Path(__file__).parents[1] / "conf" / "base"
NAME = "NAME"  # stands for the names of a dictionary: of presets, datasets, rows
NOTHING = object()


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs with every page."""
    for name, make in {"parameters": parameters_page, "api": api_page}.items():
        place = f"{{{{ {name} }}}}"
        if place in markdown:
            markdown = markdown.replace(place, make())
    return markdown


@dataclass
class Key:
    """One parameter: its place in YAML, the model that declares it, what is allowed, its defaults."""

    place: tuple[str, ...]
    model: str
    schema: dict[str, Any]
    required: bool
    kinds: tuple[str, ...] = ()  # of a generator or source that has it

    @property
    def name(self) -> str:
        return self.place[-1]


@dataclass
class Section:
    """The keys below one key of the top, with what the models say of themselves."""

    name: str
    texts: list[str] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)


SCHEMA: dict[str, Any] = Parameters.model_json_schema()


def parameters_page() -> str:
    values, comments = shipped_values(), shipped_comments()
    return "\n\n".join(_section(section, values, comments) for section in sections())


def sections() -> list[Section]:
    """Every key of the typed settings, in their order: first those that stand alone, then those with keys below."""
    alone, rest = Section("At the top"), []
    for name, schema in SCHEMA["properties"].items():
        keys = list(_keys((name,), schema, "Parameters", name in SCHEMA.get("required", [])))
        if len(keys) == 1 and keys[0].place == (name,):
            alone.keys.append(keys[0])
        else:
            rest.append(Section(name, _texts(keys), _merged(keys)))
    return [alone, *rest]


def _texts(keys: list[Key]) -> list[str]:
    """What the models of `keys` say of themselves, without what stands beside a key."""
    found = []
    for model in dict.fromkeys(key.model for key in keys):
        names = "|".join(key.name for key in keys if key.model == model)
        said = [sentence for sentence in _sentences(model) if not re.search(rf"`({names})[`:]", sentence)]
        found.append(" ".join(said).rstrip(";"))
    return list(filter(None, found))


def _keys(place: tuple[str, ...], schema: dict[str, Any], model: str, required: bool) -> Iterator[Key]:
    """The keys at and below `place`; an object of keys is only those."""
    options = [option for option in _options(schema) if option.get("type") == "object" and "properties" in option]
    inner = schema.get("additionalProperties")
    if isinstance(inner, dict) and any("properties" in option for option in _options(inner)):
        yield from _keys((*place, NAME), inner, model, required)
        return
    if not options:
        yield Key(place, model, schema, required)
        return
    if {"type": "null"} in _options(schema):
        yield Key(place, model, schema, required)
    kinds = len(options) > 1
    for option in options:
        kind = option["properties"].get("kind", {}).get("const") if kinds else None
        for name, below in option["properties"].items():
            for key in _keys((*place, name), below, option["title"], name in option.get("required", [])):
                key.kinds = (kind,) if kind else key.kinds
                yield key


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """What a value may be, with references looked up."""
    if "$ref" in schema:
        return [SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]]]
    found = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return [SCHEMA["$defs"][option["$ref"].rsplit("/", 1)[1]] if "$ref" in option else option for option in found]


def _merged(keys: list[Key]) -> list[Key]:
    """Keys that several kinds have in common, once."""
    found: dict[tuple[tuple[str, ...], str], Key] = {}
    for key in keys:
        same = found.setdefault((key.place, allowed(key.schema) if key.name != "kind" else ""), key)
        same.kinds = tuple(dict.fromkeys((*same.kinds, *key.kinds)))
        if same is not key and key.name == "kind":
            same.schema = {"enum": list(same.kinds)}
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


def shipped_comments() -> dict[tuple[str, ...], str]:
    """The comment of every key of `conf/base` that has one: beside it, going on below, or in lines above it."""
    found: dict[tuple[str, ...], str] = {}
    for path in sorted(BASE.glob("parameters*.yml")):
        found |= comments_of(path.read_text())
    return found


def comments_of(text: str) -> dict[tuple[str, ...], str]:
    """Comments in block YAML by the path of their key; one that a blank line follows is no key's."""
    found: dict[tuple[str, ...], str] = {}
    stack: list[tuple[int, str]] = []
    above: list[str] = []
    beside: tuple[int, tuple[str, ...]] | None = None  # the column of the last comment beside a key, and the key
    for line in text.splitlines():
        comment = re.match(r"^(\s*)#\s?(.*)", line)
        if comment and beside and len(comment[1]) == beside[0]:
            found[beside[1]] += f" {comment[2].strip()}"
            continue
        beside = None
        if comment:
            above.append(comment[2].strip())
            continue
        key = re.match(r"^(\s*)([\w-]+):(?=\s|$)([^#]*?)(\s+#\s?(.*))?$", line)
        if key is None:
            above = []
            continue
        depth = len(key[1])
        stack = [(column, name) for column, name in stack if column < depth] + [(depth, key[2])]
        path = tuple(name for _, name in stack)
        if key[5]:
            found[path] = key[5].strip()
            beside = (key.start(4) + len(key[4]) - len(key[4].lstrip()), path)
        elif above:
            found[path] = " ".join(above)
        above = []
    return found


def meaning(key: Key, comments: dict[tuple[str, ...], str]) -> str:
    """What is written of a key: in `conf/base`, there for another model's key of the same kind, or in a docstring."""
    own = comments.get(key.place)
    if own is None and NAME in key.place:
        own = next((text for path, text in comments.items() if fits(path, key.place)), None)
    if own is None:
        own = _docstring(key)
    if own is None and key.place[0].startswith("expand_"):
        own = next((text for path, text in comments.items() if path[1:] == key.place[1:]), None)
    if own is None:  # the keys below belong to a model of their own, which says what it is
        own = next((_sentences(option["title"])[0] for option in _options(key.schema) if "properties" in option), None)
    return own or FURTHER.get(key.name, "")


FURTHER = {
    "kind": "which of the kinds it is",
    "data_dir": "the folder of everything that a run makes; null: `data`",
}


def fits(path: tuple[str, ...], place: tuple[str, ...]) -> bool:
    return len(path) == len(place) and all(part in (name, NAME) for name, part in zip(path, place, strict=True))


def _docstring(key: Key) -> str | None:
    """The sentences of the model's docstring that name the key in code spans, or of those that others inherit."""
    for model in (key.model, PretrainedModel.__name__, ImagesSpec.__name__):
        named = [sentence for sentence in _sentences(model) if re.search(rf"`{key.name}[`:]", sentence)]
        if named:
            return " ".join(named).rstrip(";")
    return None


def _sentences(model: str) -> list[str]:
    """Those of a model's docstring; one ends with a full stop, or with a semicolon before a code span."""
    text = " ".join(SCHEMA["$defs"].get(model, {}).get("description", "").split())
    return re.split(r"(?<=\.) (?=[A-Z`])|(?<=;) (?=`)", text)


def _default(key: Key, values: dict[str, Any]) -> str:
    value = _look_up(values, key.place) if NAME not in key.place else NOTHING
    if value is NOTHING:
        value = key.schema.get("default", NOTHING)
    if isinstance(value, dict) and any("properties" in option for option in _options(key.schema)):
        return ""  # its keys have theirs
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


def _section(section: Section, values: dict[str, Any], comments: dict[tuple[str, ...], str]) -> str:
    presets = values.get(section.name)
    named = any(NAME in key.place for key in section.keys) and isinstance(presets, dict)
    names = f"In `conf/base`: {', '.join(f'`{name}`' for name in presets)}." if named and presets else ""
    header = ["| key | allowed | default | meaning |", "|---|---|---|---|"]
    title = section.name if section.name == "At the top" else f"`{section.name}` {{ #{section.name} }}"
    rows = [_row(section, key, values, comments) for key in section.keys]
    return "\n\n".join(filter(None, [f"## {title}", *section.texts, names, "\n".join([*header, *rows])]))


def _row(section: Section, key: Key, values: dict[str, Any], comments: dict[tuple[str, ...], str]) -> str:
    below = ".".join(key.place[1:] if key.place[0] == section.name and len(key.place) > 1 else key.place)
    several = {kind for other in section.keys for kind in other.kinds}
    kinds = f" ({', '.join(key.kinds)})" if key.kinds and len(key.kinds) < len(several) and key.name != "kind" else ""
    cells = [
        f"`{below}`{kinds}",
        allowed(key.schema),
        _default(key, values),
        meaning(key, comments).replace("|", "\\|"),
    ]
    return f"| {' | '.join(cells)} |"


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
