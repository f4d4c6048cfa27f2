"""The RAM disk that an earlier start has mounted, against the settings of today."""

import os
from pathlib import Path

from one_box.ram_disk import check_ram_disk


def test_a_folder_without_a_mount_is_told(tmp_path: Path) -> None:
    (found,) = check_ram_disk(tmp_path, "8g")
    assert "nothing is mounted" in found.words


def test_its_size_is_compared_with_the_settings() -> None:
    mounted = Path("/proc/self/root").resolve()  # any mount has a size
    facts = os.statvfs(mounted)
    kibibytes = facts.f_blocks * facts.f_frsize // 1024
    assert check_ram_disk(mounted, f"{kibibytes}k") == []
    (found,) = check_ram_disk(mounted, f"{kibibytes + 1024}k")
    assert f"{kibibytes + 1024}k" in found.words
    assert check_ram_disk(mounted, "lots") == []
