"""
The volumes of docker-compose.yml: what lies on the RAM disk and what on the disk, and who may write there;
and ram-disk.md.

Does not prove that the containers run: that needs a Docker daemon (tests/containers), which CI has not.
"""

import re
from pathlib import Path
from typing import Any

from pacs_module.shared.switches_file import load_switches
from tests.support.compose_file import ReadYaml, Render, Stage, mounts, text_of


def test_there_is_one_ram_disk(composed: dict[str, Any]) -> None:
    options = {name: (volume or {}).get("driver_opts", {}) for name, volume in composed["volumes"].items()}
    assert {name for name, opts in options.items() if opts.get("type") == "tmpfs"} == {"ram_disk", "copies"}
    assert "size=4g" in options["ram_disk"]["o"].split(",")
    # A `tmpfs:` is private to one container: for what nobody else is to see.
    private = {
        target.partition(":")[0]
        for service in composed["services"].values()
        for target in service.get("tmpfs", [])
    }
    assert private == {"/tmp", "/var/lib/grafana"}


def test_orthanc_alone_writes_on_the_ram_disk(composed: dict[str, Any]) -> None:
    seen = {
        name: [(target, mode) for target, (source, mode) in mounts(service).items() if source == "ram_disk"]
        for name, service in composed["services"].items()
    }
    assert {name: where for name, where in seen.items() if where} == {
        "orthanc": [("/ram", "rw")],
        "pacs": [("/ram", "ro")],
        "backend": [("/ram", "ro")],
    }


def test_store_and_hand_over_folder_share_the_mount_and_journal_and_logs_do_not(
    composed: dict[str, Any],
) -> None:
    environment = composed["services"]["orthanc"]["environment"]
    where = mounts(composed["services"]["orthanc"])

    def volume_of(path: str) -> str:
        return where[max((target for target in where if f"{path}/".startswith(f"{target}/")), key=len)][0]

    assert (
        volume_of(environment["ORTHANC_STORE"])
        == volume_of(environment["AIPULL_HANDOVER_FOLDER"])
        == "ram_disk"
    )
    assert volume_of(environment["AIPULL_JOURNAL"]) == "orthanc_journal"
    assert volume_of(environment["AIPULL_LOG_FOLDER"]) == "logs"


def test_the_images_lead_store_image_to_the_hand_over_folder(
    composed: dict[str, Any], dockerfiles: dict[str, list[Stage]]
) -> None:
    environment = composed["services"]["orthanc"]["environment"]
    link = f"ln -s {environment['AIPULL_HANDOVER_FOLDER']} {environment['AIPULL_HANDOVER_SEEN_AS']}"
    assert environment["AIPULL_HANDOVER_SEEN_AS"] == "/store_image"
    for stage in (dockerfiles["pacs.Dockerfile"][-1], dockerfiles["orthanc.Dockerfile"][-1]):
        assert any(link in run for run in stage.all("RUN"))


def test_the_ram_disk_belongs_to_the_user_of_the_image(
    composed: dict[str, Any], dockerfiles: dict[str, list[Stage]]
) -> None:
    options = composed["volumes"]["ram_disk"]["driver_opts"]["o"].split(",")
    makes_user = " ".join(dockerfiles["orthanc.Dockerfile"][0].all("RUN"))
    assert {"uid=10001", "gid=10001", "mode=0750"} <= set(options)
    assert "groupadd --gid 10001 aipull" in makes_user
    assert "useradd --uid 10001 --gid aipull" in makes_user


def test_what_must_survive_is_on_disk_volumes(composed: dict[str, Any]) -> None:
    kept = {"mongo": "/data/db", "rabbitmq": "/var/lib/rabbitmq", "orthanc": "/var/lib/aipull"}
    for name, target in kept.items():
        source, _ = mounts(composed["services"][name])[target]
        assert not (composed["volumes"][source] or {}).get("driver_opts"), name
    assert composed["services"]["rabbitmq"]["hostname"] == "rabbitmq", (
        "the node's folder is named after the host"
    )


def test_a_backup_reads_the_journal_and_writes_on_disk(
    composed: dict[str, Any], dockerfiles: dict[str, list[Stage]]
) -> None:
    pacs, orthanc = composed["services"]["pacs"], composed["services"]["orthanc"]
    where = mounts(pacs)
    assert where["/var/lib/aipull/orthanc"] == ("orthanc_journal", "ro")
    assert where["/backup"] == ("backups", "rw")
    seen = Path(pacs["environment"]["PACS_MODULE_BACKUP__JOURNAL"])
    journal = Path(orthanc["environment"]["AIPULL_JOURNAL"])
    assert seen.parent == Path("/var/lib/aipull/orthanc")
    assert mounts(orthanc)[str(journal.parent)][0] == "orthanc_journal"
    assert seen.name == journal.name
    runs = " ".join(dockerfiles["pacs.Dockerfile"][-1].all("RUN"))
    assert "install -d -o 10001 -g aipull -m 0750 /var/lib/aipull/orthanc" in runs, (
        "an empty volume gets this owner"
    )


def test_copies_are_written_by_pacs_alone_and_the_archive_is_on_disk(composed: dict[str, Any]) -> None:
    seen = {name: mounts(service).get("/copies") for name, service in composed["services"].items()}
    assert {name: where for name, where in seen.items() if where} == {
        "pacs": ("copies", "rw"),
        "backend": ("copies", "ro"),
    }
    options = composed["volumes"]["copies"]["driver_opts"]["o"].split(",")
    assert {"size=1g", "mode=0750", "uid=10002", "gid=10001"} <= set(options)
    assert mounts(composed["services"]["pacs"])["/archive"] == ("archive", "rw")
    assert not (composed["volumes"]["archive"] or {}).get("driver_opts")


def test_a_folder_of_the_host_may_be_the_archive(
    compose_config: Render, filled_in: dict[str, str], parse_yaml: ReadYaml
) -> None:
    rendered = parse_yaml(compose_config({**filled_in, "ARCHIVE_VOLUME": "/srv/archive"}).stdout)
    assert mounts(rendered["services"]["pacs"])["/archive"] == ("/srv/archive", "rw")


def test_the_mount_point_of_the_ram_disk_has_one_owner_in_every_image(
    dockerfiles: dict[str, list[Stage]],
) -> None:
    """
    Docker passes the owner of the mount point on to an empty volume, also to one that another container has
    mounted.
    """
    for name, owner in (("orthanc.Dockerfile", "aipull"), ("pacs.Dockerfile", "10001")):
        runs = " ".join(dockerfiles[name][-1].all("RUN"))
        assert re.search(rf"install -d -o {owner} -g aipull -m 0750 /ram\b", runs), name


def test_the_image_has_the_folders_that_pacs_writes_to(dockerfiles: dict[str, list[Stage]]) -> None:
    runs = " ".join(dockerfiles["pacs.Dockerfile"][-1].all("RUN"))
    assert re.search(r"install -d -o pacs -g aipull -m 0750 [^&]*/copies /archive ", runs)


def test_both_processes_log_to_one_folder_and_read_the_same_switches(composed: dict[str, Any]) -> None:
    ours = [mounts(composed["services"][name]) for name in ("orthanc", "pacs")]
    for target in ("/var/log/aipull", "/opt/aipull/orthanc/config"):
        assert ours[0][target] == ours[1][target]
    site = "/etc/aipull/site_config.py"
    assert ours[0][site][0] == ours[1][site][0]
    assert (ours[0][site][1], ours[1][site][1]) == ("ro", "rw")  # pacs_module writes applied rules into it
    environment = composed["services"]["pacs"]["environment"]
    assert (
        environment["PACS_MODULE_SITE_CONFIG"]
        == composed["services"]["orthanc"]["environment"]["SITE_CONFIG"]
    )


def test_the_files_that_are_mounted_exist(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        for source, _ in mounts(service).values():
            if source.startswith("/"):
                assert Path(source).exists(), (name, source)


# --- ram-disk.md ---


def test_the_hosts_tmpfs_of_ram_disk_md_replaces_the_volumes_own(
    compose_config: Render, filled_in: dict[str, str], parse_yaml: ReadYaml, repository: Path, tmp_path: Path
) -> None:
    override = tmp_path / "docker-compose.override.yml"
    override.write_text(
        text_of(repository, "ram-disk.md").split("```yaml\n")[1].split("```")[0], encoding="utf-8"
    )
    merged = compose_config(filled_in, file=repository / "docker-compose.yml", over=override)
    options = parse_yaml(merged.stdout)["volumes"]["ram_disk"]["driver_opts"]
    assert options == {"type": "none", "device": "/mnt/aipull", "o": "bind"}
    assert f"{options['device']} tmpfs size=8g,mode=0750,uid=10001,gid=10001" in text_of(
        repository, "ram-disk.md"
    )


def test_the_sizes_in_ram_disk_md_are_those_of_its_formula(repository: Path) -> None:
    rows = re.findall(
        r"^\|[^|]+\|[\d, ]+\| ([\d.]+) GB \|[^|]+, ([\d.]+) GB \|(.+)\|$",
        text_of(repository, "ram-disk.md"),
        re.MULTILINE,
    )
    assert len(rows) == 3
    reserve = load_switches().ram_disk_reserve_mb / 1000
    for study, chosen, sizes in rows:
        said = [float(size) for size in re.findall(r"([\d.]+) GB", sizes)]
        reckoned = [
            reserve + (pulls + 1) * float(study) + wait * float(chosen)
            for pulls, wait in ((1, 10), (2, 20), (4, 40))
        ]
        assert said == [round(size, 1) for size in reckoned]
