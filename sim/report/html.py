"""Pieces of HTML whose text is escaped, so that no name in a run can be markup."""

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["bullets", "paragraph", "script_json", "table"]


def paragraph(text: object) -> str:
    """One paragraph of plain text."""
    return f"<p>{escape(str(text))}</p>"


def bullets(lines: Iterable[object], tag: str = "ul") -> str:
    """A list of plain texts."""
    return f"<{tag}>{''.join(f'<li>{escape(str(line))}</li>' for line in lines)}</{tag}>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of plain texts that scrolls sideways where it is too wide."""
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    body = f"<table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>"
    return f'<div class="wide" tabindex="0" role="group" aria-label="{escape(head[0])} table">{body}</div>'


def script_json(text: str) -> str:
    """JSON that can stand inside a script element: it cannot end the element, nor a line of JavaScript."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
