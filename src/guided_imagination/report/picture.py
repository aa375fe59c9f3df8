"""A picture that is carried inside a page."""

from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Picture:
    """An encoded image with its media type ("image/png"), what it shows in words, and its caption."""

    content: bytes = field(repr=False)
    media_type: str
    alt: str
    caption: str

    @property
    def uri(self) -> str:
        """The picture itself as an address."""
        return f"data:{self.media_type};base64,{b64encode(self.content).decode()}"

    def to_json(self) -> dict[str, str]:
        return {**asdict(self), "content": b64encode(self.content).decode()}

    @classmethod
    def from_json(cls, value: dict[str, str]) -> "Picture":
        return cls(b64decode(value["content"]), value["media_type"], value["alt"], value["caption"])
