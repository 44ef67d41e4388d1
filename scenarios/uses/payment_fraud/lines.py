"""The lines of an input file as text, read as a stream; what is no text is told apart from what is."""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from io import BufferedReader
from os import PathLike
from pathlib import Path

from scenarios.uses.payment_fraud.badlines import InputError, LineError, shown

__all__ = ["LONGEST_LINE_BYTES", "Reject", "open_input", "read_lines"]

Reject = Callable[[int, str, LineError], None]
"""What to do with a line that cannot be used: its number, its text, the reason. It may raise."""

LONGEST_LINE_BYTES = 1 << 20
CHUNK_BYTES = 1 << 18
HEAD_BYTES = 8192
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF8_HINT = "the encoding is UTF-8"
MAGIC = (
    (b"\xff\xfe", "is UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16 text", "save it as UTF-8"),
    (b"\x1f\x8b", "is compressed by gzip", "decompress it first"),
    (b"PK\x03\x04", "is a zip archive", "extract the CSV file first"),
    (b"PAR1", "is a Parquet file", "export it as CSV first"),
)


def open_input(path: str | PathLike[str]) -> BufferedReader:
    """The file, opened at its first byte of text; InputError when it cannot be read, is empty, or is no text."""
    try:
        file = open(path, "rb")  # noqa: SIM115
    except IsADirectoryError as error:
        raise InputError(path, None, "is a directory", "name a CSV or JSON lines file") from error
    except FileNotFoundError as error:
        raise InputError(path, None, "no such file", _nearest_file(Path(path))) from error
    except OSError as error:
        raise InputError(path, None, f"cannot be read: {error.strerror}", "name a readable file") from error
    except ValueError as error:
        raise InputError(shown(str(path)), None, f"cannot be read: {error}", "name a readable file") from error
    try:
        _check_head(path, file.peek(HEAD_BYTES)[:HEAD_BYTES])
        if file.peek(3).startswith(BYTE_ORDER_MARK):
            file.read(3)
    except BaseException:
        file.close()
        raise
    return file


def _nearest_file(path: Path) -> str:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return f"there is no directory {path.parent}"
    close = get_close_matches(path.name, names, n=1)
    return f"did you mean {path.with_name(close[0])}?" if close else "name a CSV or JSON lines file"


def _check_head(path: str | PathLike[str], head: bytes) -> None:
    if not head.removeprefix(BYTE_ORDER_MARK).strip():
        raise InputError(path, None, "is empty", "a CSV header and rows, or JSON lines, are expected")
    for magic, what, hint in MAGIC:
        if head.startswith(magic):
            raise InputError(path, None, what, hint)
    if b"\0" in head:
        raise InputError(path, head[: head.index(b"\0")].count(b"\n") + 1, "is binary, not text", UTF8_HINT)


def read_lines(file: BufferedReader, reject: Reject) -> Iterator[tuple[int, str]]:
    """(number from 1, text with its line end) of each line; lines that are too long or no UTF-8 are rejected."""
    number = 0
    while line := file.readline(LONGEST_LINE_BYTES + 1):
        number += 1
        if len(line) > LONGEST_LINE_BYTES:
            _skip_rest(file, line)
            reject(number, line.decode(errors="backslashreplace"), _too_long())
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            what = f"byte 0x{line[error.start]:02x} at column {error.start + 1} is not UTF-8"
            reject(number, line.decode(errors="backslashreplace"), LineError(what, UTF8_HINT))
            continue
        if "\0" in text:
            reject(number, text, LineError("a NUL byte, so this is binary, not text", UTF8_HINT))
            continue
        yield number, text


def _skip_rest(file: BufferedReader, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(CHUNK_BYTES)


def _too_long() -> LineError:
    return LineError(f"the line is longer than {LONGEST_LINE_BYTES} bytes", "is there a line end in the file at all?")
