#!/usr/bin/env bash
# Some virtual machines (vm.sh) on a network of their own, and a place on it to deploy them from:
#
#   unshare --net --mount --mount-proc --pid --fork --kill-child rig.sh FOLDER NAME ...
#
# The machines have the addresses 10.77.0.2, .3 ...; this place has .1. FOLDER, a file system of its own
# that only this process and its children see, holds key (to log in with), NAME.pub (host keys) and
# NAME.upper (whatever was written on that machine). Says "ready" when all can be logged in to. When
# this process ends, everything ends with it and everything was removed.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
folder=$1
shift
mount -t tmpfs -o size=3g none "$folder"
ssh-keygen -q -t ed25519 -N '' -C rig -f "$folder/key"
ip link set lo up
ip link add switch type bridge
ip addr add 10.77.0.1/24 dev switch
ip link set switch up

start() {
  local name=$1 address=$2 number=$3 pid
  mkfifo "$folder/$name.go"
  unshare --net --mount --uts "$here/vm.sh" "$name" "$folder" "$folder/key.pub" \
    <"$folder/$name.go" >"$folder/$name.log" 2>&1 &
  pid=$!
  exec {go}>"$folder/$name.go"
  # Its network is there once it is no longer ours.
  until [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
  ip link add "port$number" type veth peer name eth0 netns "$pid"
  ip link set "port$number" master switch up
  nsenter -t "$pid" -n ip link set lo up
  nsenter -t "$pid" -n ip addr add "$address/24" dev eth0
  nsenter -t "$pid" -n ip link set eth0 up
  echo go >&"$go"
}

number=2
addresses=()
for name in "$@"; do
  start "$name" "10.77.0.$number" "$number"
  addresses+=("10.77.0.$number")
  number=$((number + 1))
done

for address in "${addresses[@]}"; do
  for try in $(seq 300); do
    ssh -n -i "$folder/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
      -o ConnectTimeout=2 -o BatchMode=yes "root@$address" true 2>>"$folder/ssh.log" && break
    [ "$try" -lt 300 ] || { tail -n 5 "$folder"/*.log; exit 1; }
    sleep 0.1
  done
done
echo ready
# Whoever started us closes this when it is done.
cat >/dev/null
