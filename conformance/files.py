"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def atomic_write(file: Path, text: str) -> None:
    """Write a text file so that a reader finds the old text or the new one, never a part.

    Text that UTF-8 cannot hold (lone surrogates) is written as escapes.

    Raises:
        OSError: it cannot be written, such as into a folder that is not there. The file is as it was, and nothing
            is left beside it.
    """
    partial = file.with_name(f".{file.name[:200]}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
        partial.replace(file)
    except BaseException:  # Ctrl-C too: it must not leave a part behind
        partial.unlink(missing_ok=True)
        raise
