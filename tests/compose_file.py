"""What tests read of docker-compose.yml and the files beside it."""

import re


def mounts(service):
    """Target to (source, mode) of a service's volumes."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return {target: (source, mode) for source, target, mode in parts}


def text_of(repository, *names):
    return "".join((repository / name).read_text(encoding="utf-8") for name in names)


def mandatory(repository):
    return sorted(set(re.findall(r"\$\{(\w+):\?", text_of(repository, "docker-compose.yml"))))
