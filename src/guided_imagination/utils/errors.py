"""The one exception for what a user can mend, in parts that every entrance puts into its own words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Remedy(Enum):
    """What to do, where the words for it depend on how the program was called."""

    REPLACE = auto()
    MADE_OF = auto()
    OTHER_FOLDER = auto()
    MAKE_FIRST = auto()
    OTHER_GUIDE = auto()
    BALL = auto()
    FEWER_WORKERS = auto()


@dataclass(frozen=True)
class Words:
    """How an entrance says what to do, and what it calls a parameter, such as `compute.device`."""

    remedies: Mapping[Remedy, str]
    parameter: Callable[[str], str]


RUN = Words(
    {
        Remedy.REPLACE: "replace it with --params overwrite=true, or keep it and use another --params data_dir=FOLDER",
        Remedy.MADE_OF: "run its pipeline with --params overwrite=true, or use another --params data_dir=FOLDER",
        Remedy.OTHER_FOLDER: "wait for it or stop it, or use another --params data_dir=FOLDER",
        Remedy.MAKE_FIRST: "run its pipeline first, which makes only what is missing",
        Remedy.OTHER_GUIDE: (
            "learn the classes from the seed images (head: seeds), choose another guide, improve the class names or "
            "templates, make the method unguided (which also turns the filter off), or set least_kappa to null to "
            "continue anyway"
        ),
        Remedy.BALL: "add seed images, or set perturbation: ball",
        Remedy.FEWER_WORKERS: "set a lower compute.workers.count or smaller batches; what is finished is kept",
    },
    parameter=str,
)


class InputError(ValueError):
    """A wrong setting, file or image: one sentence that says what is wrong, where, and what to do or what is allowed.

    >>> str(InputError("= 'cuda:9': this machine has 1 CUDA device", parameter="compute.device"))
    "compute.device = 'cuda:9': this machine has 1 CUDA device"

    problem: what is wrong and where, with what to do unless a `remedy` says that; it follows the name of `parameter`.
    """

    def __init__(self, problem: str, remedy: Remedy | None = None, *, parameter: str | None = None) -> None:
        self.problem, self.remedy, self.parameter = problem, remedy, parameter
        super().__init__(self.worded(RUN))

    def worded(self, words: Words) -> str:
        """The sentence as an entrance says it."""
        name = words.parameter(self.parameter) if self.parameter else ""
        sentence = f"{name}{'' if self.problem.startswith(':') else ' '}{self.problem}".strip()
        return f"{sentence}: {words.remedies[self.remedy]}" if self.remedy else sentence


def first_line(error: Exception) -> str:
    """What another library's error says, short enough to be a part of a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".: ")
