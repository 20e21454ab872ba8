#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# mutants_guest.sh N...: in the VM. Loads each mutant in turn and has the tester
# look at it. Says of each, on the console: `mutant N begins`, then how it went. A
# machine that dies between the two has died of that mutant.

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
	# What hangs in the module, or holds pins for good, needs a new machine.
	usleep 200000
	rmmod gupx || break
done
