#!/bin/sh
# An agent whose process appends a line to a file outside the system when it starts and when it ends.
# Usage: witness-agent.sh FILE HOLD [EXIT_CODE]
#   HOLD: "-" ends at once; a number sleeps that many seconds; a path is waited for (or the path with .RUN_ID behind it).
# It says that it is done, so that nobody asks a silent agent to go on (LV-44, LV-72); nobody may be listening any more.
# It never waits for longer than two minutes, so that nothing stays behind when a test is killed.
file=$1 hold=$2 code=${3:-0}
note() { printf '%s %s %s %s\n' "$1" "$WAKEFLEET_AGENT_ID" "$WAKEFLEET_RUN_ID" "$$" >>"$file"; }
trap 'note end; exit 143' TERM
trap '' PIPE
note start
case $hold in
  -) ;;
  /*)
    turns=0
    while [ ! -e "$hold" ] && [ ! -e "$hold.$WAKEFLEET_RUN_ID" ] && [ "$turns" -lt 1200 ]; do
      sleep 0.1
      turns=$((turns + 1))
    done
    ;;
  *)
    sleep "$hold" &
    wait $!
    ;;
esac
echo 'All of it is done.' 2>/dev/null
note end
exit "$code"
