#!/bin/sh
# An agent under torture: appends one line to a file outside the system when it starts and one when it ends, and tells
# with its start which other executions live at that moment. It registers itself before it looks, so of two that overlap
# at least one sees the other: more at once than allowed cannot go unseen, and no clock is asked.
# Usage: torture-agent.sh FOLDER SHORTEST_MS LONGEST_MS HOW
#   HOW: well | flaky (one in four fails, one in four for a passing reason) | stubborn (takes no TERM)
folder=$1 shortest=$2 longest=$3 how=$4
agent=$WAKEFLEET_AGENT_ID run=$WAKEFLEET_RUN_ID issue=${WAKEFLEET_TASK_ID:--}

# Fields of proc(5) from the third on: $1 is the state, ${20} the start time in ticks.
read -r stat </proc/$$/stat
set -- ${stat##*) }
ticks=${20}
name=$run.$$.$ticks
: >"$folder/alive/$agent/$name"
[ -d "$folder/alive/$issue" ] && : >"$folder/alive/$issue/$name"

# Sets $others to the run ids of the other living executions in a folder, joined by commas.
look() {
  others=
  for file in "$1"/*; do
    entry=${file##*/}
    [ "$entry" = "$name" ] && continue
    other=${entry%%.*} rest=${entry#*.}
    if read -r stat 2>/dev/null <"/proc/${rest%.*}/stat"; then
      set -- "$1" ${stat##*) }
      [ "${21}" = "${rest#*.}" ] && [ "$2" != Z ] && [ "$2" != X ] && others=$others,$other
    fi
  done
  others=${others#,}
}

look "$folder/alive/$agent"
beside=${others:--}
onissue=-
if [ -d "$folder/alive/$issue" ]; then
  look "$folder/alive/$issue"
  onissue=${others:--}
fi
code=0
end() {
  printf 'end %s %s %s %s\n' "$agent" "$run" "$$" "$code" >>"$folder/witness.txt"
  rm -f "$folder/alive/$agent/$name" "$folder/alive/$issue/$name"
}
if [ "$how" = stubborn ]; then trap '' TERM; else trap 'code=143; end; exit 143' TERM; fi
trap '' PIPE
printf 'start %s %s %s %s %s %s %s %s\n' \
  "$agent" "$run" "$$" "${WAKEFLEET_CLAIM_TOKEN:--}" "$issue" "$beside" "$onissue" "$ticks" >>"$folder/witness.txt"

# The run's id is its dice: one run behaves alike wherever it is executed.
dice=$((0x${run##*-} % 1000000))
ms=$((shortest + dice % (longest - shortest + 1) + 1000000))
seconds=$(((ms - 1000000) / 1000)) fraction=${ms#????}
echo "working for $seconds.$fraction s" 2>/dev/null
sleep "$seconds.$fraction" &
wait $!
if [ "$how" = stubborn ]; then wait; fi
if [ "$how" = flaky ]; then
  case $((dice % 4)) in
    0) code=3 ;;
    1)
      code=1
      echo '{"wakefleetResult":{"errorCode":"busy","errorFamily":"transient_upstream"}}' 2>/dev/null
      ;;
  esac
fi
[ "$code" = 0 ] && echo 'All of it is done.' 2>/dev/null
end
exit "$code"
