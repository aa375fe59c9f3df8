"""The one exception for what a user can mend."""


class InputError(ValueError):
    """A wrong setting, file or image: its message is one sentence that says what, where and what is allowed."""


def first_line(error: Exception) -> str:
    """What another library's error says, short enough to be a part of a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".: ")
