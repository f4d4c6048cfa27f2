"""
What converting to each transfer syntax costs and saves: ``python -m benchmarks.transfer_syntaxes FOLDER
[MOST]``.

For each form the CPU seconds of this process for each 1,000 images and each GB, the comparison of the pixels
included, and the size against the files as they are.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from pacs_module.adapters.files.compression import SYNTAXES, converted


def measure(files: list[Path], form: str) -> tuple[float, int, int, int]:
    """CPU seconds, bytes before, bytes after, images converted."""
    before = after = made = 0
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            image = converted(file, form)
            if image is None:
                continue
            target = Path(folder) / "one.dcm"
            image.save_as(target, enforce_file_format=True)
            before, after, made = before + file.stat().st_size, after + target.stat().st_size, made + 1
    return time.process_time() - begun, before, after, made


def main(folder: Path, most: int) -> None:
    """Print the table for the images of a folder."""
    files = sorted(one for one in folder.rglob("*.dcm") if one.is_file())[:most]
    print(f"{len(files)} files of {folder.name}")
    print("| form | images | CPU s / 1,000 images | CPU s / GB | size |\n|---|---|---|---|---|")
    for form in SYNTAXES:
        spent, before, after, made = measure(files, form)
        if made:
            each = f"{1000 * spent / made:.1f} | {spent / before * 1e9:.1f} | {100 * after / before:.0f} %"
            print(f"| {form} | {made} | {each} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100)
