"""Class names that are names: no folder numbers, no underscores, no doubles."""

import logging
import re
from collections.abc import Mapping, Sequence

import numpy as np

from guided_imagination.data.sources.base import Labels
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import check_name

logger = logging.getLogger(__name__)


def clean(name: str) -> str:
    """ "001.Black_footed_Albatross" -> "Black footed Albatross"; "2.5 mm" is no number of a folder, and stays.

    A name of which nothing would be left, as "_", stays as it is.
    """
    without_number = re.sub(r"^(\d+\.(?=\D)|0\d+\.(?=\d))", "", name)
    return " ".join(without_number.replace("_", " ").split()) or name


def name_classes(
    raw: Sequence[str], names: Mapping[str, str], exclude: Sequence[str], place: str
) -> tuple[list[str], Labels]:
    """Names of the classes in label order, and each old label's new one (-1: excluded).

    `names` and `exclude` go by the source's own names; one that does not occur is logged, so that a subset
    of a dataset needs no other settings. Raises InputError if two classes come to have one name, or one has none.
    """
    for name in sorted({*names, *exclude} - set(raw)):
        logger.warning("%s has no class %r, which names or exclude mention", place, name)
    for name in raw:
        check_name(name)  # folders, figures and tables will be named by it
    named: dict[str, str] = {}
    relabel = np.full(len(raw), -1, dtype=np.int64)
    for label, old in enumerate(raw):
        if old in exclude:
            continue
        new = names.get(old) or clean(old)
        if not new.strip():
            raise InputError(f"{place}: the class {label} has the blank name {old!r}; name it, or exclude it")
        # CLIP's tokenizers know no case
        alike = next((name for name in named if name.casefold() == new.casefold()), None)
        if alike is not None:
            raise InputError(
                f"{place}: the classes {named[alike]!r} and {old!r} are both named {new!r}, however it is written; "
                f"rename one, e.g. with names: {{{old}: another name}}"
            )
        relabel[label] = len(named)
        named[new] = old
    numbers = [name for name in named if name.isdigit()]
    if numbers:
        logger.warning("%s: %r is a number, not a name that CLIP understands; see names", place, numbers[0])
    signs = [name for name in named if not any(letter.isalnum() for letter in name)]
    if signs:
        logger.warning("%s: %r has no letters, it is not a name that CLIP understands; see names", place, signs[0])
    return list(named), relabel
