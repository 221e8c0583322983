#!/bin/bash
# Boots systemd on a copy of this machine that lasts as long as its process: changes go to memory, and of the units there are
# only those that a service needs. Runs in namespaces of its own for processes, mounts, cgroups, names and IPC.
#   boot.sh DIRECTORY      an empty directory
set -euo pipefail
work=$1
root=$work/root

mount --make-rprivate /
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
# As systemd-tmpfiles does it on a whole machine.
install -d -m 2755 -g systemd-journal "$root/run/log/journal"

# What else this machine would start is none of this test's business.
vendor=$root/usr/lib/systemd/system
mkdir "$work/units"
cp "$vendor"/systemd-journald{.service,.socket,-dev-log.socket} "$work/units/"
cp "$vendor"/{sysinit,basic,sockets,shutdown,multi-user,network-online,time-sync}.target "$work/units/"
mount --bind "$work/units" "$vendor"
mount -t tmpfs tmpfs "$root/etc/systemd/system"
rm -rf "$root/var/log/journal"
cat >"$vendor/test.target" <<'UNIT'
[Unit]
Description=The machine is up
Requires=systemd-journald.service systemd-journald.socket
After=systemd-journald.service
UNIT

exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
  chroot "$root" /lib/systemd/systemd --system --unit=test.target --log-target=journal --show-status=no
