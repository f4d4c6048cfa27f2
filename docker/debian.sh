# What belongs together on each release of Debian; sourced by the Dockerfiles and scripts. Security updates come in by the star, another
# release does not: the field notes hold for these versions.
# shellcheck shell=sh disable=SC2034
case "$(. /etc/os-release && echo "$VERSION_ID")" in
    12) PYTHON=python3.11 ORTHANC='1.10.1*' ORTHANC_PYTHON='4.0*' ;;
    13) PYTHON=python3.13 ORTHANC='1.12.7*' ORTHANC_PYTHON='5.0*' ;;
    *) echo "Debian 12 or 13, please" >&2; exit 1 ;;
esac
