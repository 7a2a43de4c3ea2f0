#!/usr/bin/env bash
# A virtual machine as far as askfirst can tell: its own files (an overlay of this machine's), users,
# processes, network and control groups, with systemd as its first process and a real sshd. No
# hypervisor is needed, and nothing of this machine is changed: all ends with the process.
#
#   vm.sh NAME FOLDER PUBLIC_KEY     runs until it is killed; in FOLDER/NAME.upper is what was written
#
# The one who starts it gives it a network (see rig.ts) and then says "go" on standard input.
set -euo pipefail
name=$1 folder=$2 public_key=$3
read -r _go

if [ "${4:-}" != inside ]; then
  # A control group of its own, seen by it as the whole tree.
  group=$folder/cgroup/askfirst-rig/$name
  mkdir -p "$folder/cgroup"
  mount -t cgroup2 none "$folder/cgroup"
  mkdir -p "$group"
  echo $$ >"$group/cgroup.procs"
  umount "$folder/cgroup"
  exec unshare --cgroup --pid --fork --kill-child --mount --uts --ipc \
    "$0" "$name" "$folder" "$public_key" inside <<<go
fi

root=$folder/$name.root upper=$folder/$name.upper
mkdir -p "$root" "$upper" "$folder/$name.scratch"
mount -t overlay overlay "$root" -o "lowerdir=/,upperdir=$upper,workdir=$folder/$name.scratch"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 none "$root/run"
mount -t tmpfs -o mode=1777 none "$root/tmp"
mount -t tmpfs -o mode=755 none "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 none "$root/dev/pts"
mount -t tmpfs -o mode=1777 none "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
  mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 666 "$root/dev/tty" c 5 0

cd "$root"
hostname "$name"
echo "$name" >etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >etc/hosts
# A new machine has no Node, no npm, and none of what this machine starts at boot.
rm -f usr/bin/node usr/bin/npm usr/bin/npx usr/local/bin/node
rm -rf etc/systemd/system/* etc/ssh/ssh_host_* opt/askfirst var/lib/askfirst
mkdir -p etc/systemd/system/multi-user.target.wants
cat >etc/systemd/system/sshd.service <<'UNIT'
[Service]
ExecStart=/usr/sbin/sshd -D -e -f /etc/ssh/vm.conf
RuntimeDirectory=sshd
UNIT
ln -s ../sshd.service etc/systemd/system/multi-user.target.wants/sshd.service
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-timesyncd.service \
  systemd-networkd.service systemd-resolved.service getty.target timers.target \
  systemd-journal-flush.service systemd-random-seed.service; do
  ln -s /dev/null "etc/systemd/system/$unit"
done
cat >etc/ssh/vm.conf <<'CONF'
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM no
MaxStartups 100
CONF
ssh-keygen -q -t ed25519 -N '' -C "$name" -f etc/ssh/ssh_host_ed25519_key
cp etc/ssh/ssh_host_ed25519_key.pub "$folder/$name.pub"

# Who may log in: root, one who may become root, and somebody who is nobody in particular.
chroot . useradd --create-home --shell /bin/sh --password '*' keeper
chroot . useradd --create-home --shell /bin/bash --password '*' visitor
echo 'keeper ALL=(ALL) NOPASSWD: ALL' >etc/sudoers.d/keeper
rm -rf root/.ssh
for home in root home/keeper home/visitor; do
  mkdir -p "$home/.ssh"
  cp "$public_key" "$home/.ssh/authorized_keys"
  chmod 700 "$home/.ssh"
done
chroot . chown -R visitor: /home/visitor
chroot . chown -R keeper: /home/keeper
chroot . usermod --password '*' root

mkdir -p old
pivot_root . old
umount -l old
rmdir old
# What a service manager expects of whoever made its mounts: credentials appear by a shared one.
mount --make-rshared /
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=other \
  /lib/systemd/systemd --system --unit=multi-user.target --show-status=0 --log-target=console \
  </dev/null
