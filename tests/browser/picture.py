"""The README's picture: `python -m tests.browser.picture` copies what the browser's tests saw last to docs/lab.png."""

from __future__ import annotations

import shutil
import struct
import sys

from helpers.paths import repo_dir

SIZE = (1440, 900)


def main() -> None:
    seen = repo_dir() / ".lab" / "test" / "pictures" / "lab.png"
    if not seen.exists():
        sys.exit("There is no picture yet. Fix: make browser")
    size = struct.unpack(">II", seen.read_bytes()[16:24])  # PNG's first chunk
    if size != SIZE:
        sys.exit(f"{seen} is {size[0]}x{size[1]}, not {SIZE[0]}x{SIZE[1]}. Fix: make browser")
    shutil.copy(seen, repo_dir() / "docs" / "lab.png")
    print("docs/lab.png is the roadmap as the tests saw it.")


if __name__ == "__main__":
    main()
