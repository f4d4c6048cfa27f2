"""
docker-compose.yml: accepted by two validators, and what the design wants of it.

Does not prove that the containers run: that needs a Docker daemon (test_containers.py), which CI has not.
"""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from pacs_module.domain.errors import ConfigurationError
from pacs_module.profiles import PROFILES
from pacs_module.settings import BackendSettings, load_settings
from pacs_module.site_config import load_switches
from stack.orthanc import OrthancPorts, ReceivingLinks, ReceivingOrthanc

SITE = {"orthanc", "pacs", "mongo", "rabbitmq"}
DEMO = {"hospital": "hospital", "department": "hospital", "backend": "backend"}


def mounts(service):
    """Target to (source, mode) of a service's volumes."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return {target: (source, mode) for source, target, mode in parts}


def text_of(repository, *names):
    return "".join((repository / name).read_text(encoding="utf-8") for name in names)


# --- the validators ---


def test_docker_compose_accepts_it(compose_config, filled_in):
    answer = compose_config(filled_in, "--quiet")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_compose_specification_accepts_it(check_schema, repository):
    answer = check_schema(repository / "docker-compose.yml")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_both_validators_find_a_misspelt_key(compose_config, check_schema, filled_in, repository, tmp_path):
    broken = tmp_path / "docker-compose.yml"
    text = text_of(repository, "docker-compose.yml")
    broken.write_text(text.replace("stop_grace_period:", "stop_grace_time:", 1), encoding="utf-8")
    assert "stop_grace_time" in compose_config(filled_in, "--quiet", file=broken).stderr
    assert check_schema(broken).returncode != 0


def mandatory(repository):
    return sorted(set(re.findall(r"\$\{(\w+):\?", text_of(repository, "docker-compose.yml"))))


def test_each_mandatory_variable_is_named_when_it_is_missing(compose_config, filled_in, repository):
    assert len(mandatory(repository)) == 13
    for name in mandatory(repository):
        answer = compose_config({**filled_in, name: ""}, "--quiet")
        assert answer.returncode != 0, name
        assert f"{name} is missing" in answer.stderr.rsplit(": ", 1)[-1], name


# --- .env.example ---


def test_the_example_documents_every_variable_and_no_other(repository):
    text = text_of(repository, "docker-compose.yml")
    example = text_of(repository, ".env.example")
    optional = set(re.findall(r"\$\{(\w+):-", text))
    assert set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)) == set(mandatory(repository))
    assert set(re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE)) == optional
    assert not re.findall(r"\$(?!\{\w+:[?-])", text), "a variable without default or message"


def test_the_defaults_in_the_example_are_the_real_ones(repository):
    real = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text_of(repository, "docker-compose.yml")))
    said = dict(re.findall(r"^#([A-Z_]+)=(.*)$", text_of(repository, ".env.example"), re.MULTILINE))
    assert said == real


def test_a_variable_has_one_default(repository):
    pairs = set(re.findall(r"\$\{(\w+):-([^}]*)\}", text_of(repository, "docker-compose.yml")))
    assert len(pairs) == len({name for name, _ in pairs})


def test_the_example_has_no_secret_in_it(example_values, filled_in):
    assert {name for name, value in example_values.items() if not value} == {
        name for name, value in filled_in.items() if value.startswith("secretof")
    }


def test_each_secret_has_one_purpose(composed, filled_in):
    holders = {
        "ORTHANC_PASSWORD": {"orthanc", "pacs", "hospital"},
        "AIPULL_API_KEY": {"orthanc", "pacs", "backend"},
        "BACKEND_KEY": {"pacs", "backend"},
        "MONGO_ROOT_PASSWORD": {"mongo"},
        "MONGO_PASSWORD": {"mongo", "pacs"},
        "RABBITMQ_PASSWORD": {"rabbitmq", "pacs"},
    }
    for name, expected in holders.items():
        found = {who for who, service in composed["services"].items() if filled_in[name] in json.dumps(service)}
        assert found == expected, name


# --- services ---


def test_the_site_runs_four_services_and_the_demo_three_more(composed):
    profiles = {name: service.get("profiles", []) for name, service in composed["services"].items()}
    assert {name for name, asked in profiles.items() if not asked} == SITE
    assert {name: asked[0] for name, asked in profiles.items() if asked} == DEMO


def test_nothing_of_the_site_waits_for_the_demo(composed):
    for name in SITE:
        assert set(composed["services"][name].get("depends_on", {})) <= SITE


def test_images_are_pinned(composed):
    for name, service in composed["services"].items():
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+", service["image"]), name
        assert ("build" in service) == service["image"].startswith("aipull/")


def test_pacs_waits_until_the_others_are_healthy(composed):
    waits = composed["services"]["pacs"]["depends_on"]
    assert waits == {name: {"condition": "service_healthy"} for name in ("mongo", "orthanc", "rabbitmq")}


def test_servers_come_back_and_have_time_to_end(composed):
    for name, service in composed["services"].items():
        assert service["restart"] == ("no" if name == "department" else "unless-stopped"), name
        assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
    assert all("stop_grace_period" in composed["services"][name] for name in SITE)


def test_ours_have_no_privileges(composed):
    for name, service in composed["services"].items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if "build" in service:
            assert service["cap_drop"] == ["ALL"], name


def test_the_time_zone_is_a_setting_and_not_the_containers_clock(composed):
    assert [name for name, service in composed["services"].items() if "TZ" in service.get("environment", {})] == ["department"]
    environment = {name: composed["services"][name]["environment"] for name in ("orthanc", "pacs")}
    assert environment["orthanc"]["AIPULL_TIME_ZONE"] == environment["pacs"]["PACS_MODULE_TIME_ZONE"] == "Asia/Shanghai"


# --- ports and networks ---


def test_only_dicom_and_the_api_are_published(composed):
    published = {name: service["ports"] for name, service in composed["services"].items() if "ports" in service}
    assert published == {"orthanc": ["0.0.0.0:4242:4242/tcp"], "pacs": ["127.0.0.1:80:7000/tcp"]}


def test_the_api_is_opened_by_the_site_alone(compose_config, filled_in):
    assert "10.0.0.5:80:7000/tcp" in compose_config({**filled_in, "PACS_HTTP_BIND": "10.0.0.5"}).stdout


def test_databases_are_reached_by_pacs_alone(composed):
    assert composed["networks"]["state"] == {"internal": True}
    members = {name for name, service in composed["services"].items() if "state" in service["networks"]}
    assert members == {"mongo", "rabbitmq", "pacs"}
    assert all(set(composed["services"][name]["networks"]) == {"state"} for name in ("mongo", "rabbitmq"))


# --- the RAM disk and the disk ---


def test_there_is_one_ram_disk(composed):
    options = {name: (volume or {}).get("driver_opts", {}) for name, volume in composed["volumes"].items()}
    assert {name for name, opts in options.items() if opts.get("type") == "tmpfs"} == {"ram_disk", "copies"}
    assert "size=4g" in options["ram_disk"]["o"].split(",")
    assert not any("tmpfs" in service for service in composed["services"].values()), "a `tmpfs:` is private to one container"


def test_orthanc_alone_writes_on_the_ram_disk(composed):
    seen = {
        name: [(target, mode) for target, (source, mode) in mounts(service).items() if source == "ram_disk"]
        for name, service in composed["services"].items()
    }
    assert {name: where for name, where in seen.items() if where} == {
        "orthanc": [("/ram", "rw")],
        "pacs": [("/ram", "ro")],
        "backend": [("/ram", "ro")],
    }


def test_store_and_hand_over_folder_share_the_mount_and_journal_and_logs_do_not(composed):
    environment = composed["services"]["orthanc"]["environment"]
    where = mounts(composed["services"]["orthanc"])

    def volume_of(path):
        return where[max((target for target in where if f"{path}/".startswith(f"{target}/")), key=len)][0]

    assert volume_of(environment["ORTHANC_STORE"]) == volume_of(environment["AIPULL_HANDOVER_FOLDER"]) == "ram_disk"
    assert volume_of(environment["AIPULL_JOURNAL"]) == "orthanc_journal"
    assert volume_of(environment["AIPULL_LOG_FOLDER"]) == "logs"


def test_the_images_lead_store_image_to_the_hand_over_folder(composed, dockerfiles):
    environment = composed["services"]["orthanc"]["environment"]
    link = f"ln -s {environment['AIPULL_HANDOVER_FOLDER']} {environment['AIPULL_HANDOVER_SEEN_AS']}"
    assert environment["AIPULL_HANDOVER_SEEN_AS"] == "/store_image"
    for stage in (dockerfiles["pacs.Dockerfile"][-1], dockerfiles["orthanc.Dockerfile"][-1]):
        assert any(link in run for run in stage.all("RUN"))


def test_the_ram_disk_belongs_to_the_user_of_the_image(composed, dockerfiles):
    options = composed["volumes"]["ram_disk"]["driver_opts"]["o"].split(",")
    makes_user = " ".join(dockerfiles["orthanc.Dockerfile"][0].all("RUN"))
    assert {"uid=10001", "gid=10001", "mode=0750"} <= set(options)
    assert "groupadd --gid 10001 aipull" in makes_user
    assert "useradd --uid 10001 --gid aipull" in makes_user


def test_what_must_survive_is_on_disk_volumes(composed):
    kept = {"mongo": "/data/db", "rabbitmq": "/var/lib/rabbitmq", "orthanc": "/var/lib/aipull"}
    for name, target in kept.items():
        source, _ = mounts(composed["services"][name])[target]
        assert not (composed["volumes"][source] or {}).get("driver_opts"), name
    assert composed["services"]["rabbitmq"]["hostname"] == "rabbitmq", "the node's folder is named after the host"


def test_copies_are_written_by_pacs_alone_and_the_archive_is_on_disk(composed):
    seen = {name: mounts(service).get("/copies") for name, service in composed["services"].items()}
    assert {name: where for name, where in seen.items() if where} == {"pacs": ("copies", "rw"), "backend": ("copies", "ro")}
    options = composed["volumes"]["copies"]["driver_opts"]["o"].split(",")
    assert {"size=1g", "mode=0750", "uid=10002", "gid=10001"} <= set(options)
    assert mounts(composed["services"]["pacs"])["/archive"] == ("archive", "rw")
    assert not (composed["volumes"]["archive"] or {}).get("driver_opts")


def test_a_folder_of_the_host_may_be_the_archive(compose_config, filled_in, parse_yaml):
    rendered = parse_yaml(compose_config({**filled_in, "ARCHIVE_VOLUME": "/srv/archive"}).stdout)
    assert mounts(rendered["services"]["pacs"])["/archive"] == ("/srv/archive", "rw")


def test_the_image_has_the_folders_that_pacs_writes_to(dockerfiles):
    runs = " ".join(dockerfiles["pacs.Dockerfile"][-1].all("RUN"))
    assert re.search(r"install -d -o pacs -g aipull -m 0750 [^&]*/copies /archive ", runs)


def test_both_processes_log_to_one_folder_and_read_the_same_switches(composed):
    ours = [mounts(composed["services"][name]) for name in ("orthanc", "pacs")]
    for target in ("/var/log/aipull", "/etc/aipull/site_config.py", "/opt/aipull/orthanc/config"):
        assert ours[0][target] == ours[1][target]
    environment = composed["services"]["pacs"]["environment"]
    assert environment["PACS_MODULE_SITE_CONFIG"] == composed["services"]["orthanc"]["environment"]["SITE_CONFIG"]


def test_the_files_that_are_mounted_exist(composed):
    for name, service in composed["services"].items():
        for source, _ in mounts(service).values():
            if source.startswith("/"):
                assert Path(source).exists(), (name, source)


# --- the names agree with the processes ---


def substituted(text):
    """Variables that Orthanc substitutes: (without default, all)."""
    code = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    return set(re.findall(r"\$\{(\w+)\}", code)), set(re.findall(r"\$\{(\w+)", code))


@pytest.mark.parametrize(
    ("service", "file"), [("orthanc", "orthanc/config/orthanc.json"), ("hospital", "docker/hospital/orthanc.json")]
)
def test_orthanc_gets_what_its_configuration_substitutes(composed, repository, service, file):
    wanted, known = substituted(text_of(repository, file))
    environment = set(composed["services"][service]["environment"])
    assert wanted <= environment
    of_orthanc = {name for name in environment if name.startswith(("ORTHANC_", "HOSPITAL_PACS_", "RECEIVER_"))}
    assert of_orthanc <= known, "given, but nothing reads it"


def test_orthanc_gets_what_the_tested_stack_gives_it(composed, dockerfiles, repository, tmp_path):
    ports = OrthancPorts(http=1, dicom=2)
    links = ReceivingLinks(3, "http://127.0.0.1:4", "key", tmp_path, time_zone="Asia/Shanghai", site_config=tmp_path / "site.py")
    tested = ReceivingOrthanc(SimpleNamespace(path=tmp_path), ports, tmp_path, links).environment()
    set_by_image = " ".join(words for stage in dockerfiles["orthanc.Dockerfile"] for words in stage.all("ENV"))
    given = set(re.findall(r"(\w+)=", set_by_image)) | set(composed["services"]["orthanc"]["environment"])
    wanted, known = substituted(text_of(repository, "orthanc/config/orthanc.json"))
    assert set(tested) - given <= known - wanted, "neither given here nor with a default in orthanc.json"


@pytest.fixture
def settings_of(monkeypatch, repository):
    """The settings that pacs_module makes of a rendered compose file with the repository's settings file, or this one."""

    def load(config, file=None):
        environment = {name: str(value or "") for name, value in config["services"]["pacs"]["environment"].items()}
        assert mounts(config["services"]["pacs"])[environment["PACS_MODULE_SETTINGS"]][1] == "ro"
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return load_settings(file or repository / "docker/site/pacs_module.toml", environment)

    return load


def test_pacs_module_accepts_its_environment(composed, filled_in, settings_of):
    settings = settings_of(composed)
    assert settings.time_zone == "Asia/Shanghai"
    assert [pacs.name for pacs in settings.pacs] == ["HOSPITAL-PACS"]
    assert (settings.web.host, settings.web.port) == ("0.0.0.0", 7000)
    assert settings.store.url == f"mongodb://aipull:{filled_in['MONGO_PASSWORD']}@mongo:27017/aipull?authSource=aipull"
    assert settings.web.api_key.get_secret_value() == filled_in["AIPULL_API_KEY"]
    assert settings.move_sync is True
    assert (settings.anonymise, settings.archive) == (None, None)


def test_anonymisation_and_archive_are_switched_on_in_env(compose_config, filled_in, parse_yaml, settings_of):
    wanted = {"ANONYMISE_FOLDER": "/copies", "ANONYMISE_KEY": "sixteen-letters-x", "ARCHIVE_FOLDER": "/archive"}
    settings = settings_of(parse_yaml(compose_config({**filled_in, **wanted}).stdout))
    assert settings.anonymise
    assert settings.archive
    assert (str(settings.anonymise.folder), settings.anonymise.key.get_secret_value()) == ("/copies", "sixteen-letters-x")
    assert (str(settings.archive.folder), settings.archive.keep_days) == ("/archive", 30)


def test_half_of_anonymisation_stops_the_start(compose_config, filled_in, parse_yaml, settings_of):
    with pytest.raises(ConfigurationError, match=r"anonymise\.key"):
        settings_of(parse_yaml(compose_config({**filled_in, "ANONYMISE_FOLDER": "/copies"}).stdout))
    with pytest.raises(ConfigurationError, match=r"anonymise\.folder"):
        settings_of(parse_yaml(compose_config({**filled_in, "ANONYMISE_KEY": "sixteen-letters-x"}).stdout))


def test_every_other_setting_can_stand_in_the_sites_file(composed, settings_of, tmp_path):
    written = tmp_path / "pacs_module.toml"
    written.write_text(
        'lease_s = 40\n[reconcile]\nat = "04:30"\n[pull]\nageing_min = 30\n[backend]\ntransfer = "bytes"\n'
        '[web]\ndebug_asks_pacs = false\n[archive]\nfolder = "/archive"\n',
        encoding="utf-8",
    )
    settings = settings_of(composed, written)
    assert (settings.lease_s, settings.reconcile.at.hour, settings.pull.ageing_min) == (40, 4, 30)
    assert (settings.backend.transfer, settings.backend.workers, settings.web.debug_asks_pacs) == ("bytes", 2, False)
    assert settings.archive
    assert settings.archive.keep_days == 30


def test_profiles_lie_beside_the_settings_file(composed):
    where = mounts(composed["services"]["pacs"])
    file = Path(composed["services"]["pacs"]["environment"]["PACS_MODULE_SETTINGS"])
    assert where[str(file.parent / PROFILES)][1] == "ro"


def test_the_hospitals_pacs_has_settings_of_its_own(compose_config, filled_in, parse_yaml, settings_of):
    wanted = {"HOSPITAL_PACS_SETTINGS": """',"repair":"STUDY","hours":[{"begin":"07:30","end":"12:00","parallel_pulls":1}]'"""}
    (pacs,) = settings_of(parse_yaml(compose_config({**filled_in, **wanted}).stdout)).pacs
    assert (pacs.name, pacs.repair, len(pacs.hours)) == ("HOSPITAL-PACS", "STUDY", 1)


def test_more_than_one_pacs(compose_config, filled_in, parse_yaml):
    several = {**filled_in, "MORE_PACS": """',{"name":"PACS-B"}'"""}
    environment = parse_yaml(compose_config(several).stdout)["services"]["pacs"]["environment"]
    assert json.loads(environment["PACS_MODULE_PACS"]) == [{"name": "HOSPITAL-PACS"}, {"name": "PACS-B"}]


def test_the_sites_empty_switch_file_is_valid(repository):
    assert load_switches(None, repository / "docker/site/site_config.py") == load_switches()


def test_rabbitmq_waits_longer_for_an_acknowledgement_than_pacs_module_for_a_result(repository):
    milliseconds = re.search(r"^consumer_timeout = (\d+)$", text_of(repository, "docker/rabbitmq/20-aipull.conf"), re.MULTILINE)
    assert milliseconds
    assert int(milliseconds[1]) / 1000 >= BackendSettings(url="", key="").result_timeout_s + 60


# --- ram-disk.md ---


def test_the_hosts_tmpfs_of_ram_disk_md_replaces_the_volumes_own(compose_config, filled_in, parse_yaml, repository, tmp_path):
    override = tmp_path / "docker-compose.override.yml"
    override.write_text(text_of(repository, "ram-disk.md").split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    merged = compose_config(filled_in, file=repository / "docker-compose.yml", over=override)
    options = parse_yaml(merged.stdout)["volumes"]["ram_disk"]["driver_opts"]
    assert options == {"type": "none", "device": "/mnt/aipull", "o": "bind"}
    assert f"{options['device']} tmpfs size=8g,mode=0750,uid=10001,gid=10001" in text_of(repository, "ram-disk.md")


def test_the_sizes_in_ram_disk_md_are_those_of_its_formula(repository):
    rows = re.findall(
        r"^\|[^|]+\|[\d, ]+\| ([\d.]+) GB \|[^|]+, ([\d.]+) GB \|(.+)\|$", text_of(repository, "ram-disk.md"), re.MULTILINE
    )
    assert len(rows) == 3
    reserve = load_switches().ram_disk_reserve_mb / 1000
    for study, chosen, sizes in rows:
        said = [float(size) for size in re.findall(r"([\d.]+) GB", sizes)]
        reckoned = [reserve + (pulls + 1) * float(study) + wait * float(chosen) for pulls, wait in ((1, 10), (2, 20), (4, 40))]
        assert said == [round(size, 1) for size in reckoned]
