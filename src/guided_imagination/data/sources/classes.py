"""The classes of a source: their names, which are its own, and the words that CLIP is told for them."""

import logging
import re
from collections.abc import Mapping, Sequence

import numpy as np

from guided_imagination.data.sources.base import Labels, composed
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import check_name

logger = logging.getLogger(__name__)


def words(names: Sequence[str], chosen: Mapping[str, str]) -> list[str]:
    """What CLIP and Stable Diffusion are told for each class: the word `chosen` for its name, or the cleaned name."""
    by_name = {composed(name): word for name, word in chosen.items()}
    return [by_name.get(composed(name)) or clean(name) for name in names]


def clean(name: str) -> str:
    """ "001.Black_footed_Albatross" -> "Black footed Albatross"; "2.5 mm" is no number of a folder, and stays.

    A name of which nothing would be left, as "_", stays as it is.
    """
    name = composed(name)
    without_number = re.sub(r"^(\d+\.(?=\D)|0\d+\.(?=\d))", "", name)
    return " ".join(without_number.replace("_", " ").split()) or name


def name_classes(
    names: Sequence[str], chosen: Mapping[str, str], exclude: Sequence[str], place: str
) -> tuple[list[str], Labels]:
    """The source's names of its classes without the excluded ones, and each old label's new one (-1: excluded).

    `chosen` (words for CLIP) and `exclude` go by these names; one that does not occur is logged, so that a subset of
    a dataset needs no other settings. Raises InputError if two classes come to have one word, or one has none.
    """
    known, left_out = {composed(name) for name in names}, {composed(name) for name in exclude}
    for name in sorted({*chosen, *exclude}):
        if composed(name) not in known:
            logger.warning("%s has no class %r, although names or exclude mention it", place, name)
    for name in names:
        check_name(name)  # folders, figures and tables will be named by it
    kept: list[str] = []
    told: dict[str, str] = {}  # class names by word
    relabel = np.full(len(names), -1, dtype=np.int64)
    for label, (name, word) in enumerate(zip(names, words(names, chosen), strict=True)):
        if composed(name) in left_out:
            continue
        if not word.strip():
            raise InputError(f"{place}: the class {label} has the blank name {name!r}: name it, or exclude it")
        # CLIP's tokenizers know no case
        alike = next((other for other in told if other.casefold() == word.casefold()), None)
        if alike is not None:
            raise InputError(
                f"{place}: CLIP would read {word!r} (ignoring case) for both classes {told[alike]!r} and "
                f"{name!r}; rename one or give it another word, e.g. names: {{{name}: another word}}"
            )
        relabel[label] = len(kept)
        kept.append(name)
        told[word] = name
    numbers = [word for word in told if word.isdigit()]
    if numbers:
        logger.warning("%s: %r is a number, which tells CLIP nothing; give a word under names", place, numbers[0])
    signs = [word for word in told if not any(letter.isalnum() for letter in word)]
    if signs:
        logger.warning("%s: %r has no letters, which tells CLIP nothing; give a word under names", place, signs[0])
    return kept, relabel
