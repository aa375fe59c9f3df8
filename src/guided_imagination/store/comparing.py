"""Whether an expansion on disk is the one that was asked for."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from guided_imagination import __version__
from guided_imagination.errors import InputError
from guided_imagination.expansion import Plan
from guided_imagination.files import read_json
from guided_imagination.store.layout import MANIFEST, PLAN


def fingerprint(plan: Plan) -> dict[str, Any]:
    """Everything that, if it changed, would change the images; as JSON gives it back."""
    plain: dict[str, Any] = json.loads(json.dumps({"code": __version__, **plan.fingerprint}))
    return plain


def differences(folder: Path, plan: Plan) -> list[str]:
    """What differs between the expansion in `folder`, finished or not, and `plan`; nothing where there is none."""
    found = next((path for path in (folder / PLAN, folder / MANIFEST) if path.exists()), None)
    if found is None:
        return []
    there = read_json(found)
    old = dict(_flat(there["fingerprint"] if found.name == MANIFEST else there))
    new = dict(_flat(fingerprint(plan)))
    return [
        f"{key}: {old.get(key, 'absent')} there, {new.get(key, 'absent')} now"
        for key in sorted({*old, *new})
        if old.get(key, "absent") != new.get(key, "absent")
    ]


def refuse(folder: Path, found: list[str]) -> None:
    """Raise InputError with what differs and the ways on, if anything does."""
    if found:
        raise InputError(
            f"{folder} holds an expansion made otherwise ({'; '.join(found)}): "
            "replace it with --params overwrite=true, or keep it and use another --params data_dir=FOLDER"
        )


def _flat(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """The leaves of nested dictionaries and lists by dotted name, as `--params` names them."""
    if isinstance(value, Mapping) and value:
        items = [(str(key), child) for key, child in value.items()]
    elif isinstance(value, list) and value:
        items = [(str(index), child) for index, child in enumerate(value)]
    else:
        yield place, value
        return
    for name, child in items:
        yield from _flat(child, f"{place}.{name}" if place else name)
