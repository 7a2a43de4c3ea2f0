#!/bin/sh
# Keeps one askfirst process running where no systemd does: supervise.sh FOLDER master|slave
#
# FOLDER/pid is this process; FOLDER/log is what the one writes that it keeps, from the byte in
# FOLDER/began on. SIGTERM ends both, cleanly. One that ends by itself is started again after two
# seconds, unless it says (64) that its settings cannot be used: then FOLDER/ended says so.
set -u
folder=$1 role=$2
cd "$folder" || exit 1
umask 077
echo $$ >pid
rm -f ended
set -a
# shellcheck source=/dev/null
. ./settings.env
set +a
ASKFIRST_DATA=$folder/data
export ASKFIRST_DATA
if [ "$role" = slave ]; then
  ASKFIRST_JOIN_FILE=$folder/join
  export ASKFIRST_JOIN_FILE
fi

stopping=false child=
stop() {
  stopping=true
  [ -z "$child" ] || kill "$child" 2>/dev/null
}
trap stop TERM INT HUP

until $stopping; do
  [ "$(wc -c 2>/dev/null <log || echo 0)" -lt 10000000 ] || mv log log.old
  current=$(readlink -f current)
  touch log
  wc -c <log >began
  "$current/node_modules/node/bin/node" "$current/$role/main.ts" >>log 2>&1 </dev/null &
  child=$!
  ! $stopping || kill "$child"
  # A signal that is trapped ends the first wait, not the child.
  code=0
  wait "$child" || code=$?
  while kill -0 "$child" 2>/dev/null; do
    code=0
    wait "$child" || code=$?
  done
  child=
  $stopping && break
  if [ "$code" -eq 64 ]; then
    echo "$code" >ended
    break
  fi
  sleep 2
done
rm -f pid began
