#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# mutants_guest.sh N...: runs in the VM. Loads each mutant in turn and runs the tester
# on it. Prints `mutant N begins` and then the result to the console. If the machine
# crashes between the two lines, mutant N crashed it.

SECONDS_EACH=30

for n in "$@"; do
	echo "mutant $n begins"
	if ! insmod "/mutants/$n.ko"; then
		echo "mutant $n not loaded"
		continue
	fi
	timeout -s KILL $((SECONDS_EACH + 15)) gupx-diff --seed 101 --seed 102 \
		--cases 50 --seconds $SECONDS_EACH --fail-fast --no-shrink \
		>/tmp/out 2>&1
	code=$?
	why=$(sed -n 's/^# case [0-9]*, operation [0-9]*: //p' /tmp/out | head -n 1)
	case $code in
	0) echo "mutant $n survived: $(grep '^# diff:' /tmp/out)" ;;
	137) echo "mutant $n caught: the tester hung" ;;
	*) echo "mutant $n caught: ${why:-$(tail -n 1 /tmp/out)}" ;;
	esac
	# A mutant that hangs or leaks pins cannot be unloaded: it needs a new VM.
	usleep 200000
	rmmod gupx || break
done
