"""The one exception for what a user can mend."""


class InputError(ValueError):
    """A wrong setting, file or image: its message is one sentence that says what, where and what is allowed."""
