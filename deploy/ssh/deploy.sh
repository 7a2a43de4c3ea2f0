#!/usr/bin/env bash
# Brings askfirst to hosts over SSH: a master and its slaves, as a file says. README.md beside this
# file is the page to read; host.sh is what is done on a host.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
checkout=$(realpath "$here/../..")

usage() {
  cat <<'TEXT'
deploy.sh COMMAND FOLDER    FOLDER/hosts lists the hosts; see README.md beside deploy.sh

  pin       reads the keys of the hosts, shows them, and stores those that you confirm
  up        brings every host to the state of FOLDER/hosts and this checkout: the first time and every time.
            Only differences are changed; running slaves are changed one at a time, each
            finishing its tasks first
  up --check   prints what up would do and changes nothing; exit code 2 when there are differences
  status    the slaves and their states at the master
  log NAME  (FOLDER after it) the last log lines of a master or slave
  remove    stops everything and removes it from the hosts, including stored tasks; --yes does not ask.
            remove NAME: only that slave
  bundle    (a file in place of FOLDER) writes everything that a host needs into one tar.gz
TEXT
}
fail() { printf 'deploy.sh: %s\n' "$*" >&2; exit 1; }
misused() { printf 'deploy.sh: %s\n\n' "$*" >&2; usage >&2; exit 64; }

### The hosts: FOLDER/hosts, a line each: ROLE NAME USER@ADDRESS[:PORT] [SETTING=VALUE ...]

names=()
declare -A role login ssh_port address setting_words host_key
master=

read_hosts() {
  local line=0 each words
  [ -r "$folder/hosts" ] || fail "$folder/hosts does not exist: README.md describes its content"
  while read -r -a words || [ "${#words[@]}" -gt 0 ]; do
    line=$((line + 1))
    [[ "${words[*]:-#}" != \#* ]] || continue
    [ "${#words[@]}" -ge 3 ] || fail "$folder/hosts:$line: expected ROLE NAME USER@ADDRESS"
    add_host "${words[@]}"
  done <"$folder/hosts"
  [ -n "$master" ] || fail "$folder/hosts names no master"
  return 0
}

add_host() {
  local its_role=$1 name=$2 place=$3 each
  shift 3
  local at="$folder/hosts:$line: "
  [[ $its_role =~ ^(master|slave)$ ]] || fail "${at}a line must begin with master or slave, not $its_role"
  [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$ && ! $name =~ ^(releases|libraries)$ ]] ||
    fail "${at}$name is not a valid name"
  [ -z "${role[$name]:-}" ] || fail "${at}$name occurs twice"
  [[ $place =~ ^([A-Za-z0-9._-]+@)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:[0-9]+)?$ ]] ||
    fail "${at}$place must be USER@ADDRESS[:PORT]"
  role[$name]=$its_role
  login[$name]=${BASH_REMATCH[1]}
  address[$name]=${BASH_REMATCH[2]}
  ssh_port[$name]=${BASH_REMATCH[3]#:}
  # Keys of hosts are kept without the usual port.
  [ "${ssh_port[$name]}" != 22 ] || ssh_port[$name]=
  for each in "$@"; do
    [[ $each != \#* ]] || break
    # What a settings file and a shell both read as it stands.
    [[ $each =~ ^[a-z-]+=[A-Za-z0-9._:/,@+=-]*$ ]] || fail "${at}$each must be setting=value"
    case $each in
      hostkey=*) host_key[$name]=${each#hostkey=} ;;
      *) setting_words[$name]+=" $each" ;;
    esac
  done
  names+=("$name")
  if [ "$its_role" = master ]; then
    [ -z "$master" ] || fail "${at}there is another master, $master"
    master=$name
  fi
}

# The value of a setting in the hosts file, or else $3.
setting() {
  local each
  for each in ${setting_words[$1]:-}; do
    [[ $each != "$2="* ]] || { echo "${each#*=}"; return; }
  done
  echo "$3"
}

master_url() { echo "https://${address[$master]}:$(setting "$master" port 8080)"; }

# What a master or slave reads as its environment. No secrets: those are files of their own.
settings_of() {
  local name=$1 each any=0.0.0.0
  [[ ${address[$name]} != \[* ]] || any=::
  declare -A said=([host]=$any)
  if [ "${role[$name]}" = slave ]; then
    said[name]=$name
    said[port]=9001
    said[advertise]=https://${address[$name]}:$(setting "$name" port 9001)
    # Stopping means finishing first: ten minutes, and the units wait a little longer.
    said[drain-ms]=600000
  fi
  for each in ${setting_words[$name]:-}; do said[${each%%=*}]=${each#*=}; done
  # Other names of the master are for its certificate.
  unset 'said[names]'
  for each in "${!said[@]}"; do
    local variable=${each//-/_}
    printf 'ASKFIRST_%s=%s\n' "${variable^^}" "${said[$each]}"
  done | LC_ALL=C sort
}

### Talking to hosts

# Runs an action of host.sh on the host of NAME: on NAME ACTION ARGUMENT ... Standard input goes along.
on() {
  local name=$1 command each
  shift
  # As root by sudo where that asks for no password and there is a systemd to be root for.
  # shellcheck disable=SC2016 # for the host to expand
  command='if [ -d /run/systemd/system ] && [ "$(id -u)" != 0 ] && sudo -n true 2>/dev/null; then s="sudo -n"; else s=; fi; exec $s sh -c '
  command+=$(quoted "$(<"$here/host.sh")")' askfirst'
  for each in "$@"; do command+=" $(quoted "$each")"; done
  # shellcheck disable=SC2029 # quoted for the host
  ssh "${ssh_options[@]}" ${ssh_port[$name]:+-p "${ssh_port[$name]}"} \
    "${login[$name]}$(bare "${address[$name]}")" "$command"
}
quoted() { printf "'%s'" "${1//\'/\'\\\'\'}"; }
bare() { local it=${1#[}; echo "${it%]}"; }

# Does something for several names side by side, and shows what each says under its name:
# for_each FUNCTION NAME ... Fails when one fails, after all have ended.
for_each() {
  local what=$1 name failed=0 pids=()
  shift
  for name in "$@"; do
    ("$what" "$name" 2>&1 </dev/null | sed -u "s/^/$name: /") &
    pids+=($!)
    # As many at a time as most sshd let in.
    [ "${#pids[@]}" -lt 10 ] || { wait "${pids[0]}" || failed=1; pids=("${pids[@]:1}"); }
  done
  for name in "${pids[@]}"; do wait "$name" || failed=1; done
  return $failed
}

pin() {
  local name found shown answer
  for name in "${names[@]}"; do
    local as
    as=$(bare "${address[$name]}")
    [ -z "${ssh_port[$name]}" ] || as="[$as]:${ssh_port[$name]}"
    if ssh-keygen -F "$as" -f "$folder/known_hosts" >/dev/null 2>&1; then
      echo "$name: already pinned"
      continue
    fi
    found=$(ssh-keyscan -T 10 -t ed25519 ${ssh_port[$name]:+-p "${ssh_port[$name]}"} \
      "$(bare "${address[$name]}")" 2>/dev/null || true)
    [ -n "$found" ] || fail "$name does not answer to ssh-keyscan"
    shown=$(ssh-keygen -lf - <<<"$found" | cut -d ' ' -f 2)
    if [ -n "${host_key[$name]:-}" ]; then
      [ "$shown" = "${host_key[$name]}" ] || fail "$name presents the key $shown, but $folder/hosts expects ${host_key[$name]}: another host may be answering"
    else
      read -r -p "$name at $as presents the key $shown. Does its console show the same key (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)? [yes/no] " answer
      [ "$answer" = yes ] || fail "not pinned: $name"
    fi
    echo "$found" >>"$folder/known_hosts"
    echo "$name: pinned $shown"
  done
}

### What is shipped

# The folders of a host's node_modules: what package-lock.json needs at run time and is there.
libraries_list() {
  "$node" --input-type=module - "$checkout" <<'JS'
import { existsSync, readFileSync } from 'node:fs'
const [checkout] = process.argv.slice(2)
const { packages } = JSON.parse(readFileSync(`${checkout}/package-lock.json`, 'utf8'))
for (const [path, { dev, optional }] of Object.entries(packages)) {
  if (path === '' || dev || /node_modules\/.*\/node_modules\//.test(path)) continue
  if (existsSync(`${checkout}/${path}`)) console.log(path)
  else if (!optional) throw new Error(`${path} is missing: run npm ci`)
}
JS
}

reproducible=(--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner)
ours=(package.json package-lock.json master shared slave deploy/systemd
  deploy/ssh/host.sh deploy/ssh/supervise.sh deploy/ssh/slaves.ts)

# Names what is here by its content: two checkouts with the same files are the same release.
prepare() {
  node=$checkout/node_modules/node/bin/node
  [ -x "$node" ] || fail "$checkout has no node_modules: run npm ci there first"
  platform=$(uname -s)-$(uname -m)
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  (cd "$checkout" && tar -c "${reproducible[@]}" --mode=go-w "${ours[@]}") >"$work/release.tar"
  release=$("$node" "$checkout/master/main.ts" --version)-$(sha256sum <"$work/release.tar" | cut -c 1-12)
  libraries=$(sha256sum <"$checkout/package-lock.json" | cut -c 1-12)-$platform
}

pack() {
  [ -e "$work/release.tgz" ] || gzip -n <"$work/release.tar" >"$work/release.tgz"
  [ "$1" = libraries ] && [ ! -e "$work/libraries.tgz" ] || return 0
  libraries_list >"$work/list"
  tar -c "${reproducible[@]}" -C "$checkout" -T "$work/list" | gzip -n -1 >"$work/libraries.tgz"
}

### up

# Reads what is on the hosts into $work/NAME.state; nothing is changed while one cannot be used.
look() {
  for_each look_at "${names[@]}" || fail "nothing was changed"
}
look_at() {
  on "$1" probe "$platform" >"$work/$1.mode" &&
    on "$1" state "${role[$1]}" "$1" "$release" "$libraries" >"$work/$1.state"
}
is() { grep -qx "$2=$3" "$work/$1.state"; }
was() { sed -n "s/^$2=//p" "$work/$1.state"; }

# What up would do to NAME, a line each; nothing when all is as it should be.
plan() {
  is "$1" shipped yes || echo "ship $release"
  is "$1" release "$release" || echo "run $release, in place of $(was "$1" release)"
  is "$1" settings "$(settings_of "$1" | sha256sum | cut -c 1-16)" || echo "change its settings"
  is "$1" running yes || echo "start"
  [ "${role[$1]}" = master ] || is "$1" joined yes || echo "join"
}

# What is done to a host is one chain: bash looks at no exit code by itself where somebody waits for
# the result, so each step says what follows.
ship() {
  ! is "$1" shipped yes || return 0
  { is "$1" libraries yes || on "$1" receive libraries "$libraries" <"$work/libraries.tgz"; } &&
    on "$1" receive releases "$release" "$libraries" <"$work/release.tgz" &&
    echo "has $release"
}

put() {
  settings_of "$1" | on "$1" install "${role[$1]}" "$1" "$release"
}

# A master that stops leaves what runs with its slaves, which keep what they finish meanwhile.
bring_master() {
  { ! is "$1" running yes || on "$1" stop master "$1"; } &&
    put "$1" &&
    make_safe "$1" &&
    on "$1" start master "$1" &&
    echo "runs $release at $(master_url)"
}

# Its certificate authority, and the first key: both are kept beside the hosts file.
make_safe() {
  umask 077
  on "$1" init "$1" "$(master_url)" "$(setting "$1" names '')" >"$work/first.key" || return 1
  [ ! -s "$work/first.key" ] || cat "$work/first.key" >"$folder/admin.key"
  [ -s "$folder/admin.key" ] || {
    echo "$folder/admin.key does not exist, and a master shows its first key only once: create another on its host (askfirst key create --scopes admin) and save it in this file"
    return 1
  }
  on "$1" ca "$1" >"$folder/ca.pem"
}

# All that can be done before a slave is (re)started, except to one that runs.
put_slave() {
  local line
  is "$1" running yes || put "$1" || return 1
  ! is "$1" joined yes || return 0
  line=$(on "$master" token "$master" "$1") && on "$1" join "$1" <<<"$line"
}

start_slave() {
  if is "$1" running yes; then
    echo "finishes its tasks" && on "$1" stop slave "$1" && put "$1" || return 1
  fi
  on "$1" start slave "$1" &&
    on "$master" slaves "$master" "$(master_url)" "$1" <"$folder/admin.key" &&
    echo "runs $release"
}

tidy() { on "$1" prune; }

up() {
  local name changed=() slaves=()
  prepare
  look
  for name in "${names[@]}"; do
    [ -n "$(plan "$name")" ] || continue
    changed+=("$name")
    [ "${role[$name]}" = master ] || slaves+=("$name")
  done
  [ ${#changed[@]} -gt 0 ] || { echo "everything matches $folder/hosts"; return 0; }
  if [ $check = true ]; then
    for name in "${changed[@]}"; do plan "$name" | sed "s/^/$name: would /"; done
    exit 2
  fi
  for name in "${changed[@]}"; do
    if is "$name" libraries yes; then pack release; else pack libraries; fi
  done
  for_each ship "${changed[@]}" || fail "nothing new was started"
  # The master first: it understands slaves of the version before, and brings its store forward.
  [ -z "$(plan "$master")" ] || for_each bring_master "$master" ||
    fail "the master did not start; the slaves were not changed"
  [ ${#slaves[@]} -eq 0 ] || for_each put_slave "${slaves[@]}" || fail "not all slaves could be prepared"
  # One at a time: the order of the file becomes the order of asking, and of slaves that run already
  # all but one go on.
  for name in "${slaves[@]}"; do
    for_each start_slave "$name" || fail "$name did not start: the slaves after it were not changed"
  done
  for_each tidy "${changed[@]}"
}

### The rest

status() { on "$master" slaves "$master" "$(master_url)" <"$folder/admin.key"; }

take_away() { on "$1" remove "${role[$1]}" "$1" && echo "everything was removed"; }

# All of them, or one slave.
remove() {
  local name slaves=() answer whose="all its tasks from ${#names[@]} hosts"
  [ -z "$1" ] || whose="the slave $1 from its host"
  [ "$1" != "$master" ] || fail "the slaves need their master: remove everything (without a name)"
  if [ $yes = false ]; then
    read -r -p "This removes askfirst and $whose. Continue? [yes/no] " answer
    [ "$answer" = yes ] || fail "nothing was removed"
  fi
  if [ -n "$1" ]; then
    for_each take_away "$1"
    return
  fi
  for name in "${names[@]}"; do [ "$name" = "$master" ] || slaves+=("$name"); done
  [ ${#slaves[@]} -eq 0 ] || for_each take_away "${slaves[@]}"
  for_each take_away "$master"
  rm -f "$folder/admin.key" "$folder/ca.pem"
}

# One file with all that a host needs, for hosts that nobody logs in to: cloud-init, Hyper-V.
bundle() {
  prepare
  libraries_list >"$work/list"
  tar -c "${reproducible[@]}" --mode=go-w -C "$checkout" "${ours[@]}" -T "$work/list" | gzip -n >"$1"
  sha256sum "$1"
}

check=false yes=false given=()
for each in "$@"; do
  case $each in
    --check) check=true ;;
    --yes) yes=true ;;
    --help | -h) usage; exit 0 ;;
    -*) misused "unknown option $each" ;;
    *) given+=("$each") ;;
  esac
done
[ ${#given[@]} -ge 2 ] || misused "a command and a folder are required"
command=${given[0]} folder=${given[-1]} named=
if [ "$command" = bundle ]; then
  bundle "${given[1]}"
  exit
fi
ssh_options=(-o BatchMode=yes -o ConnectTimeout=10 -o StrictHostKeyChecking=yes
  -o UserKnownHostsFile="$folder/known_hosts" -o GlobalKnownHostsFile=/dev/null
  -o ServerAliveInterval=15 -o LogLevel=ERROR)
[ ! -e "$folder/key" ] || ssh_options+=(-i "$folder/key" -o IdentitiesOnly=yes)
read_hosts
if [ ${#given[@]} -gt 2 ]; then
  named=${given[1]}
  [ -n "${role[$named]:-}" ] || fail "$named is not in $folder/hosts"
fi
case $command in
  pin) pin ;;
  up) up ;;
  status) status ;;
  log) on "${named:?whose log?}" log "${role[$named]}" "$named" ;;
  remove) remove "$named" ;;
  *) misused "unknown command $command" ;;
esac
