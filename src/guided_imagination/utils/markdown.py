"""Text inside Markdown that reads as it was written: names are the user's, and may look like markup."""

import re

# As entities, what not every reader of Markdown lets be escaped: formulas, struck out text, HTML.
ENTITIES = {"<": "&lt;", "$": "&#36;", "~": "&#126;"}


def escaped(text: str) -> str:
    """`text` on one line, for a heading, a sentence or a cell of a table. An underscore inside a word is no markup."""
    line = re.sub(r"&(?=#?\w+;)", "&amp;", " ".join(text.split()))
    line = re.sub(r"[\\`*\[|]|(?<![^\W_])_|_(?![^\W_])|#$", r"\\\g<0>", line)
    return re.sub(r"[<$~]", lambda mark: ENTITIES[mark[0]], line)


def code(text: str) -> str:
    """`text` as code where that can hold it, in a cell of a table too."""
    return f"`{text}`" if re.fullmatch(r"[^`|\s]([^`|\n]*[^`|\s])?", text) else escaped(text)
