#!/bin/sh
# What deploy.sh does on a host: it is sent there as the text of `sh -c`, with an action as arguments.
# POSIX sh, nothing installed beforehand but tar and gzip. Secrets come on standard input.
#
# As root on a host with systemd: everything under /opt/askfirst, units of deploy/systemd, the user
# `askfirst`, data in /var/lib/askfirst. As anybody else: everything under ~/askfirst, kept running by
# supervise.sh. Either way:
#
#   libraries/ID/node_modules    what package-lock.json names, and Node itself
#   releases/ID                  our code; its node_modules are hard links
#   NAME/current                 the release that NAME runs
#   NAME/settings.env, NAME/join
set -eu
umask 022
action=$1
shift

if [ "$(id -u)" = 0 ]; then
  mode=systemd top=/opt/askfirst
else
  mode=plain top=$HOME/askfirst
fi
data_of() { if [ $mode = systemd ]; then echo "/var/lib/askfirst/$1"; else echo "$top/$1/data"; fi; }
node_of() { echo "$top/$1/current/node_modules/node/bin/node"; }
unit_of() { echo "askfirst-$1@$2.service"; }
fail() { echo "$*" >&2; exit 1; }

# Runs something as the one who owns the data.
as_owner() {
  if [ $mode = systemd ]; then setpriv --reuid askfirst --regid askfirst --clear-groups -- "$@"; else "$@"; fi
}

# One of our commands, such as: ours NAME token create ...
ours() {
  program=$(readlink -f "$top/$1/current")/master/cli/askfirst.mjs
  node=$(node_of "$1")
  shift
  cd /
  as_owner "$node" "$program" "$@"
}

supervisor_of() {
  pid=$(cat "$top/$1/pid" 2>/dev/null) || return 1
  grep -q supervise.sh "/proc/$pid/cmdline" 2>/dev/null || return 1
  echo "$pid"
}

is_running() {
  if [ $mode = systemd ]; then systemctl is-active --quiet "$(unit_of "$1" "$2")"; else supervisor_of "$2" >/dev/null; fi
}

stop() {
  if [ $mode = systemd ]; then
    systemctl disable --quiet --now "$(unit_of "$1" "$2")"
  elif pid=$(supervisor_of "$2"); then
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  fi
}

sum() { sha256sum | cut -c 1-16; }

case $action in

  # Whether this host will do at all.
  probe)
    [ $mode = plain ] || [ -d /run/systemd/system ] ||
      fail "does not run systemd: log in as a user other than root, which does not need systemd"
    for tool in tar gzip sha256sum setsid; do
      command -v $tool >/dev/null || fail "lacks $tool"
    done
    [ "$(uname -s)-$(uname -m)" = "$1" ] || fail "is $(uname -s)-$(uname -m), but the node_modules here are for $1: deploy from a machine of the same platform"
    ldd --version 2>&1 | grep -qi musl && fail "has musl instead of glibc, which this Node does not support"
    free=$(df -Pk "${top%/*}" | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -ge 1024 ] || fail "has $free MiB free for $top: 1024 MiB are needed"
    echo "$mode"
    ;;

  # What is there, for deploy.sh to compare: state ROLE NAME RELEASE LIBRARIES
  state)
    echo "release=$(basename "$(readlink "$top/$2/current" 2>/dev/null || echo none)")"
    echo "settings=$([ ! -e "$top/$2/settings.env" ] || sum <"$top/$2/settings.env")"
    if is_running "$1" "$2"; then echo running=yes; else echo running=no; fi
    # Who has been off for longer than its certificate lasts must join again.
    identity=$(data_of "$2")/identity/identity.json
    lasts=$([ ! -e "$identity" ] || sed -n 's/.*"expiresAt": *\([0-9]*\).*/\1/p' "$identity")
    if [ "${lasts:-0}" -gt "$(date +%s)000" ]; then echo joined=yes; else echo joined=no; fi
    if [ -d "$top/releases/$3" ]; then echo shipped=yes; else echo shipped=no; fi
    if [ -d "$top/libraries/$4" ]; then echo libraries=yes; else echo libraries=no; fi
    ;;

  # receive libraries|releases ID [LIBRARIES]: a tar.gz comes in, and is there whole or not at all.
  receive)
    mkdir -p "$top/$1"
    # Two names on one host may be sent the same at once.
    coming=$top/$1/.coming-$2.$$
    rm -rf "$coming"
    mkdir "$coming"
    tar -xzf - --no-same-owner -C "$coming"
    # Hard links: a release is complete by itself, and costs no room.
    [ -z "${3:-}" ] || cp -al "$top/libraries/$3/node_modules" "$coming/node_modules"
    rm -rf "${top:?}/$1/$2"
    mv "$coming" "$top/$1/$2"
    ;;

  # install ROLE NAME RELEASE: the release becomes the one that NAME runs; its settings come in.
  install)
    missing=$(ldd "$top/releases/$3/node_modules/node/bin/node" | awk '/not found/ { print $1 }')
    [ -z "$missing" ] ||
      fail "lacks $missing, which Node needs: apt-get install libatomic1, or dnf install libatomic"
    mkdir -p "$top/$2"
    (umask 077 && cat >"$top/$2/settings.env.new" && touch "$top/$2/join")
    mv "$top/$2/settings.env.new" "$top/$2/settings.env"
    ln -sfn "../releases/$3" "$top/$2/current.new"
    mv -T "$top/$2/current.new" "$top/$2/current"
    if [ $mode = systemd ]; then
      id askfirst >/dev/null 2>&1 ||
        useradd --system --no-create-home --home-dir / --shell /usr/sbin/nologin askfirst
      install -d -o askfirst -g askfirst -m 700 /var/lib/askfirst "$(data_of "$2")"
      install -m 644 "$top/$2/current/deploy/systemd/askfirst-$1@.service" /etc/systemd/system/
      systemctl daemon-reload
    else
      (umask 077 && mkdir -p "$(data_of "$2")")
    fi
    ;;

  # start ROLE NAME: returns when it listens.
  start)
    if [ $mode = systemd ]; then
      unit=$(unit_of "$1" "$2")
      systemctl enable --quiet --now "$unit" || {
        journalctl --no-pager --lines 15 --output cat --unit "$unit" >&2
        exit 1
      }
      exit 0
    fi
    ! supervisor_of "$2" >/dev/null || exit 0
    rm -f "$top/$2/began" "$top/$2/ended"
    setsid sh "$top/$2/current/deploy/ssh/supervise.sh" "$top/$2" "$1" </dev/null >/dev/null 2>&1 &
    for _ in $(seq 600); do
      if began=$(cat "$top/$2/began" 2>/dev/null); then
        ! tail -c "+$((began + 1))" "$top/$2/log" | grep -q ' listens at ' || exit 0
        [ ! -e "$top/$2/ended" ] || break
      fi
      sleep 0.1
    done
    tail -n 15 "$top/$2/log" >&2
    fail "did not start"
    ;;

  # stop ROLE NAME: a slave first finishes its tasks.
  stop) stop "$1" "$2" ;;

  # init NAME URL NAMES: the master's certificate authority; its first key is given once.
  init)
    key=$(data_of "$1")/first.key
    ours "$1" init --data "$(data_of "$1")" --url "$2" ${3:+--names "$3"} --key-file "$key" >&2
    [ ! -e "$key" ] || cat "$key"
    rm -f "$key"
    ;;
  ca) cat "$(data_of "$1")/auth/ca.pem" ;;
  token) ours "$1" token create --data "$(data_of "$1")" --name "$2" --ttl 15m ;;
  key) ours "$1" key create --data "$(data_of "$1")" --scopes admin ;;

  # join NAME: a join line comes in; it serves once, and stays.
  join)
    (umask 077 && cat >"$top/$1/join.new")
    mv "$top/$1/join.new" "$top/$1/join"
    ;;

  # slaves NAME URL [SLAVE]: what the master knows of its slaves; its key comes in.
  slaves)
    name=$1
    shift
    NODE_EXTRA_CA_CERTS=$(data_of "$name")/auth/ca.pem "$(node_of "$name")" \
      "$top/$name/current/deploy/ssh/slaves.ts" "$@"
    ;;

  log)
    if [ $mode = systemd ]; then
      journalctl --no-pager --lines 50 --output cat --unit "$(unit_of "$1" "$2")"
    else
      tail -n 50 "$top/$2/log"
    fi
    ;;

  # prune: releases that nobody runs go, but for the newest; libraries that no release needs.
  prune)
    used=$(for each in "$top"/*/current; do basename "$(readlink "$each")"; done)
    # shellcheck disable=SC2012 # names of ours, by age
    ls -1t "$top/releases" | while read -r each; do
      case "
$used
" in *"
$each
"*) continue ;; esac
      if [ -z "${kept:-}" ]; then kept=$each; else rm -rf "${top:?}/releases/$each"; fi
    done
    for each in "$top"/libraries/*; do
      # What a release needs is linked from there.
      [ "$(stat -c %h "$each/node_modules/node/bin/node")" -gt 1 ] || rm -rf "$each"
    done
    ;;

  # remove ROLE NAME: it and its data; with the last one all that was ever put here.
  remove)
    [ ! -e "$top/$2" ] || stop "$1" "$2"
    rm -rf "${top:?}/$2" "$(data_of "$2")"
    ! ls "$top"/*/current >/dev/null 2>&1 || exit 0
    rm -rf "$top"
    if [ $mode = systemd ]; then
      rm -rf /var/lib/askfirst /etc/systemd/system/askfirst-master@.service \
        /etc/systemd/system/askfirst-slave@.service
      systemctl daemon-reload
      systemctl reset-failed 'askfirst-*' 2>/dev/null || true
      ! id askfirst >/dev/null 2>&1 || userdel askfirst
    fi
    ;;

  *) fail "unknown action $action" ;;
esac
