#!/bin/sh
# A command line that speaks Gemini's stream, says what it used, and leaves its lines with the witness like
# witness-agent.sh. WITNESS_FILE names the file; WITNESS_GATE is a path that is waited for, or "-".
# It never waits for longer than two minutes, so that nothing stays behind when a test is killed.
note() { printf '%s %s %s %s\n' "$1" "$WAKEFLEET_AGENT_ID" "$WAKEFLEET_RUN_ID" "$$" >>"$WITNESS_FILE"; }
trap 'note end; exit 143' TERM
trap '' PIPE
note start
printf '{"type":"init","session_id":"session-%s","model":"stub"}\n' "$WAKEFLEET_RUN_ID"
turns=0
while [ "$WITNESS_GATE" != - ] && [ ! -e "$WITNESS_GATE" ] && [ "$turns" -lt 1200 ]; do
  sleep 0.1
  turns=$((turns + 1))
done
printf '{"type":"message","role":"assistant","content":"All of it is done.","delta":true}\n'
printf '{"type":"result","status":"success","stats":{"input_tokens":10,"output_tokens":1,"cached":0,"total_tokens":11}}\n'
note end
