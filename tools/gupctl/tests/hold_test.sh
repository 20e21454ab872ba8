#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Test the processes of "gupctl pin": --detach, --exec, --name, --holder-pidfile, the
# notification of a service manager, and pins and unpin. A library stands in for the module, so
# nothing is pinned. Prints TAP.
# Usage: hold_test.sh GUPCTL FAKE-LIBRARY
# Patterns and commands of expect() are expanded later.
# shellcheck disable=SC2016,SC2317
set -euo pipefail

gupctl=$1
library=$2
# shellcheck source=tools/gupctl/tests/tap.sh
. "$(dirname "$0")/tap.sh"
work=$(mktemp -d)
sleep 600 &
target=$!

clean_up()
{
	local file pid

	# End what this test has started, and nothing else: gupctl pins may also list others.
	for file in /proc/[0-9]*/cmdline; do
		pid=${file#/proc/} pid=${pid%/cmdline}
		[[ $(tr '\0' ' ' <"$file" 2>/dev/null) != *" pin $target [stack] "* ]] ||
			kill "$pid" 2>/dev/null || true
	done 2>/dev/null
	kill "$target" 2>/dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT

FAKE_TARGET="$target $(awk '{print $22}' "/proc/$target/stat")"
export FAKE_TARGET

run() # ARG...
{
	LD_PRELOAD=$library "$gupctl" "$@"
}

# expect NAME STATUS PATTERN COMMAND...: run a command, and compare its exit status and its
# output, standard error included.
expect()
{
	local name=$1 status=$2 pattern=$3 got=0 bad=0 out

	shift 3
	out=$("$@" 2>&1 </dev/null) || got=$?
	if [[ $got -ne $status ]] || ! grep -qe "$pattern" <<<"$out"; then
		printf '# exit status %d\n' "$got"
		printf '# %s\n' "${out//$'\n'/$'\n'# }"
		bad=1
	fi
	report_result "$bad" "$name"
}

pin() # ARG...
{
	run pin "$target" '[stack]' "$@"
}

holder_pid() # NAME
{
	run pins -n -r -o pid,name 2>/dev/null | awk -v name="$1" '$2 == name {print $1}'
}

# Print the open files of a holder.
holder_files()
{
	local fd

	for fd in "/proc/$(holder_pid "$1")"/fd/*; do
		echo "${fd##*/}=$(readlink "$fd")"
	done
}

test_detach()
{
	exec 9>"$work/lock"
	# The pipe of $(...) ends, although the holder lives on.
	expect "detach: returns when all is pinned" 0 'holds the pins.*gupctl unpin one$' \
		pin --detach --name one --holder-pidfile "$work/pid"
	exec 9>&-
	expect "detach: 0 to 2 are /dev/null" 0 '^0=/dev/null 1=/dev/null 2=/dev/null ' \
		eval 'holder_files one | sort -n | xargs'
	expect "detach: keeps no file of its caller" 1 '^$' eval 'holder_files one | grep -e lock'
	expect "detach: session of its own, in /" 0 '^yes /$' eval \
		'p=$(holder_pid one); [[ $(ps -o sid= $p) -eq $p ]] && echo yes $(readlink /proc/$p/cwd)'
	expect "detach: PID file" 0 '^644 same$' eval \
		'stat -c %a $work/pid | tr "\n" " "; [[ $(<$work/pid) == $(holder_pid one) ]] && echo same'
	expect "detach: not a second one of the name" 1 "already holds pins with the name 'one'" \
		pin --detach --name one
	expect "pins: target, name and age" 0 "^$target sleep one 64.x20KiB 7s\$" \
		run pins -r -n -o target,target_comm,name,held,age
	expect "pins: of a name" 0 ' one$' run pins sleep -n -r -o pid,name
	expect "pins: JSON" 0 '"target_exited": false, .*"name": "one"' run pins --json "$target"
	expect "unpin: ends the holder" 0 '^released 64 KiB of process' run unpin one
	expect "unpin: PID file is gone" 1 '^$' test -e "$work/pid"
	expect "unpin: is not there any more" 1 "no holder of pins 'one'" run unpin one
	expect "detach: fails like its child" 1 'has no mapping' \
		run pin --detach "$target" '[nothing]'
	expect "detach: PID file cannot be written" 1 'cannot write' \
		pin --detach --name two --holder-pidfile /nothing/pid
	expect "detach: nothing is held then" 1 '^$' eval 'holder_pid two | grep .'
	ln -s keep "$work/link"
	echo keep >"$work/keep"
	pin --detach --name three --holder-pidfile "$work/link" >/dev/null
	expect "PID file: replaces a link" 0 '^keep$' eval '[[ ! -h $work/link ]] && cat $work/keep'
	echo 1 >"$work/new"
	mv "$work/new" "$work/link"
	run unpin three >/dev/null
	expect "PID file: one of another process stays" 0 '^1$' cat "$work/link"
	expect "detach: to a closed output" 1 'write error' eval 'pin --detach >&-'
	expect "detach: closed descriptors" 0 '^$' eval 'pin --detach --name four <&- 2>&- >/dev/null'
	run unpin four >/dev/null
}

# Wait for a background job, and keep its exit status in a file.
keep_status() # PID
{
	local got=0

	wait "$1" || got=$?
	echo "$got" >"$work/status"
}

# Interrupt a detach that is under way. The pins take some time.
test_interrupted()
{
	FAKE_DELAY=2000000 LD_PRELOAD=$library "$gupctl" pin --detach --name slow "$target" \
		'[stack]' >/dev/null 2>&1 &
	sleep 0.5
	kill -TERM $!
	keep_status $!
	expect "detach: a signal ends it" 0 '^143$' cat "$work/status"
	expect "detach: holds nothing after a signal" 1 '^$' eval 'holder_pid slow | grep .'
	FAKE_DELAY=1000000 LD_PRELOAD=$library "$gupctl" pin --detach --name slow "$target" \
		'[stack]' >/dev/null 2>&1 &
	sleep 0.5
	kill -KILL $!
	keep_status $! 2>/dev/null
	sleep 1.5
	expect "detach: holds nothing if its caller is killed" 1 '^$' eval 'holder_pid slow | grep .'
}

test_exec()
{
	expect "exec: exit status" 7 '^holding' pin --exec sh -c 'exit 7'
	expect "exec: exit status, started with SIGCHLD ignored" 7 '^holding' \
		env --ignore-signal=CHLD "LD_PRELOAD=$library" "$gupctl" pin "$target" '[stack]' \
		--exec sh -c 'exit 7'
	expect "exec: options of the command" 0 '^--json -v -- x$' eval \
		'pin --exec echo --json -v -- x 2>/dev/null'
	expect "exec: not found" 127 "cannot run '/nothing'" pin --exec /nothing
	expect "exec: not executable" 126 "cannot run '/etc/passwd'" pin --exec /etc/passwd
	expect "exec: killed by a signal" 137 '^released' pin --exec sh -c 'kill -KILL $$'
	expect "exec: has no pin fd and no marker" 0 '^clean$' eval \
		'pin --exec sh -c "ls -l /proc/self/fd | grep -e eventfd -e memfd || echo clean" 2>/dev/null'
	expect "exec: is not run if the pins fail" 1 'has no mapping' \
		run pin "$target" '[nothing]' --exec touch "$work/ran"
	expect "exec: was not run" 1 '^$' test -e "$work/ran"
	expect "exec: JSON" 3 '"event": "command_exited", "status": 3' \
		pin --json --exec sh -c 'exit 3'
	pin --name job --exec sh -c 'trap "exit 9" TERM; touch "$0"; sleep 60 & wait' \
		"$work/trapped" >/dev/null 2>&1 &
	until [[ -e $work/trapped ]]; do sleep 0.05; done
	expect "exec: unpin passes SIGTERM on" 0 '^released 64 KiB' run unpin job
	keep_status $!
	expect "exec: status of the command after it" 0 '^9$' cat "$work/status"
}

test_unpin()
{
	local id

	pin --detach --name one >/dev/null
	# There may be other holders on this machine.
	id=$(run pins -n -r -o id,name 2>/dev/null | awk '$2 == "one" {print $1}')
	expect "unpin: ID of another start" 1 "no holder of pins" run unpin "${id%-*}-1"
	kill -STOP "${id%-*}"
	expect "unpin: JSON, ID, a stopped holder" 0 '"bytes": 65536' run unpin --json "$id"
	pin --detach --name two >/dev/null
	expect "unpin: PID" 0 '^released' run unpin "$(holder_pid two)"
	# A process of another program has a marker and a pin fd.
	python3 -X utf8 -c '
import os, time
pin, mark = os.eventfd(0), os.memfd_create("gupctl-pin:\x1b[31mforged\n\udcff")
time.sleep(600)' &
	for _ in {1..200}; do
		! readlink "/proc/$!/fd/"* | grep -q gupctl-pin || break
		sleep 0.05
	done
	expect "unpin: not a process of another program" 1 'is not a process of this gupctl pin' \
		run unpin $!
	expect "pins: hostile name" 0 '\\x1b\[31mforged\\x0a\\xff' run pins
	expect "pins: hostile name in JSON" 0 '\\\\x1b\[31mforged\\\\x0a\\\\xff' run pins --json
	kill $!
}

test_notify()
{
	python3 - "$work/notify" >"$work/notified" <<-'END' &
		import socket, sys
		with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
		    s.bind(sys.argv[1])
		    for _ in range(2):
		        print(s.recv(1000).decode().replace("\n", " "), flush=True)
	END
	until [[ -S $work/notify ]]; do sleep 0.05; done
	NOTIFY_SOCKET=$work/notify pin --hold 0 >/dev/null
	wait $!
	expect "notify: ready, then stopping" 0 \
		'^MAINPID=[0-9]* READY=1 STATUS=holding .* KiB STOPPING=1 $' \
		eval "tr '\n' ' ' <$work/notified"
	expect "notify: a bad socket is a warning" 0 'cannot notify' \
		env NOTIFY_SOCKET=/nothing "LD_PRELOAD=$library" "$gupctl" pin --hold 0 "$target" '[stack]'
}

test_detach
test_interrupted
test_exec
test_unpin
test_notify
end_tests
