"""Pieces of SVG as text. Units are pixels."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from html import escape

INK, FAINT, RULE, PAPER, GROUND = "#343741", "#69707d", "#d3dae6", "#ffffff", "#f7f8fc"
#: Average width of a character of the font, as a share of its size.
_CHARACTER = 0.54


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the page."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def inner(self, left: float, top: float, right: float, bottom: float) -> "Box":
        """What is left of it inside these margins."""
        width, height = self.width - left - right, self.height - top - bottom
        return Box(self.x + left, self.y + top, max(width, 0), max(height, 0))

    def until(self, right: float) -> "Box":
        return replace(self, width=right - self.x)


def tag(name: str, body: str = "", **attributes: object) -> str:
    """An element; `_` in a name of an attribute is a dash."""
    given = "".join(f' {k.replace("_", "-")}="{_plain(v)}"' for k, v in attributes.items())
    return f"<{name}{given}>{body}</{name}>" if body else f"<{name}{given}/>"


def _plain(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value))


def rect(box: Box, fill: str, **more: object) -> str:
    return tag("rect", x=box.x, y=box.y, width=box.width, height=box.height, fill=fill, **more)


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 12,
    fill: str = INK,
    room: float = 0,
    **more: object,
) -> str:
    """Words with their base line at `y`, cut to `room`."""
    return tag(
        "text", escape(fitted(words, size, room)), x=x, y=y, font_size=size, fill=fill, **more
    )


def fitted(words: str, size: float, room: float) -> str:
    fits = int(room / (size * _CHARACTER)) if room else len(words)
    return words if len(words) <= fits else f"{words[: max(fits - 1, 1)]}…"


def path(points: Iterable[tuple[float, float]], **attributes: object) -> str:
    steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return tag("path", d=f"M{steps}", **attributes)


def page(width: float, height: float, parts: Iterable[str], title: str) -> str:
    head = tag("title", escape(title)) + rect(Box(0, 0, width, height), GROUND)
    body = "\n".join((head, *parts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="Inter, Helvetica, Arial, sans-serif">\n'
        f"{body}\n</svg>\n"
    )
