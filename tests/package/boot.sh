#!/bin/bash
# Boots systemd in this root folder, as on a machine of its own: processes, mounts, host name and control groups are its own, the network is
# the caller's.
#
#   tests/package/boot.sh PIDFILE [argument of systemd ...]
#
# PIDFILE gets the process id of systemd, for nsenter. Ends with 129 (SIGHUP) when the machine restarts, with 130 (SIGINT) when it is
# switched off (reboot(2)). For control groups of version 2, and of version 1 with a mount for each controller. Changes the mounts
# that it sees: only inside of scripts/platform.sh with THROWAWAY=1.
set -euo pipefail

group_mounts() { awk '$3 ~ /^cgroup2?$/ {print $2, $3}' /proc/self/mounts; }

# Everything of this machine lies in a control group below the caller's own, so that the caller's limits go on.
own_groups() {
    local where kind line group
    while read -r where kind; do
        case "$kind" in
            cgroup2) line=$(grep '^0::' /proc/self/cgroup) ;;
            *) line=$(grep -E "^[0-9]+:(name=)?${where##*/}:" /proc/self/cgroup) ;;
        esac
        group=$where${line#*:*:}
        group=${group%/}/aipull-boot-$$-$RANDOM
        mkdir "$group" || return 1
        [ "${where##*/}" != cpuset ] || inherit_cpus "$group"
        echo "$group"
    done < <(group_mounts)
}

inherit_cpus() {
    local name
    for name in cpuset.cpus cpuset.mems; do cat "$1/../$name" >"$1/$name"; done
    echo 1 >"$1/cgroup.clone_children"
}

mount_groups() {
    local mounts=$1 where kind
    if grep -q '^/sys/fs/cgroup cgroup2' <<<"$mounts"; then
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        return
    fi
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    while read -r where kind; do
        mkdir "$where"
        case "$kind ${where##*/}" in
            cgroup2*) mount -t cgroup2 cgroup2 "$where" ;;
            *systemd) mount -t cgroup -o none,name=systemd cgroup "$where" ;;
            *) mount -t cgroup -o "${where##*/}" cgroup "$where" ;;
        esac
    done <<<"$mounts"
}

make_devices() {
    local name number
    mount -t tmpfs -o mode=755 tmpfs /dev
    mkdir /dev/pts /dev/shm
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts /dev/pts
    ln -s pts/ptmx /dev/ptmx
    ln -s /proc/self/fd /dev/fd
    while read -r name number; do mknod -m 666 "/dev/$name" c 1 "$number"; done <<<$'null 3\nzero 5\nfull 7\nrandom 8\nurandom 9'
    mknod -m 666 /dev/tty c 5 0
    mknod -m 600 /dev/console c 1 3  # nobody reads it: what it would say is in the journal
}

inside() {
    local mounts
    mount --make-rprivate /
    mounts=$(group_mounts)
    umount --recursive /sys
    mount -t proc proc /proc
    mount -t sysfs -o ro sysfs /sys
    mount_groups "$mounts"
    umount --recursive /dev
    umount /tmp
    mount -t tmpfs -o mode=755 tmpfs /run
    make_devices
    hostname aipull-test
    exec /usr/bin/env -i container=aipull-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd "$@" </dev/null
}

if [ "$1" = --inside ]; then
    shift
    inside "$@"
fi
readonly PIDFILE=$1
shift
# An assignment, so that a failure ends the script: without groups of its own this systemd would take the caller's for its machine's.
made=$(own_groups)
mapfile -t groups <<<"$made"
status=0
(
    for group in "${groups[@]}"; do echo "$BASHPID" >"$group/cgroup.procs"; done
    exec unshare --mount --pid --uts --ipc --cgroup --fork --kill-child "$0" --inside "$@"
) &
outer=$!
until pgrep --parent "$outer" >"$PIDFILE"; do kill -0 "$outer" || break; sleep 0.1; done
wait "$outer" || status=$?
for group in "${groups[@]}"; do find "$group" -depth -type d -exec rmdir {} + || true; done
exit "$status"
