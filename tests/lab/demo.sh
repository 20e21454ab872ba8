#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# demo.sh [KERNEL]: run a real redis-server in a virtual machine. The kernel pages it out,
# and gupctl populates, pins and reads its memory. The demo checks every number and fails if
# one is wrong. The whole output of the machine goes to build/demo/log.
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

step() {
	printf '%4d s  %s\n' "$SECONDS" "$*"
}

build_proc_check() {
	local compiler=(gcc-12)

	[[ ! $(kernel_arch "$kernel") ]] ||
		compiler=("$LAB/inside" "$kernel" "$TOP" "$(cross_compiler "$kernel")")
	"${compiler[@]}" -O2 -Wall -Wextra -Werror -static -o "$out/proc_check" \
		"$LAB/demo/proc_check.c"
}

# In Debian's package, redis-server is a link to redis-check-rdb.
boot_guest() {
	VM_MEMORY=1G VM_LIMIT=300 "$LAB/run" \
		--add program:redis-check-rdb --add program:redis-cli \
		--add "file:$out/proc_check:usr/bin/proc_check" \
		--add "file:$LAB/demo/guest:usr/bin/demo" \
		"$kernel" -- demo </dev/null 2>&1
}

# Print a step at the first line of the kernel's log, which shows that the machine boots.
print_boot() {
	[[ $booted ]] || step "an emulated machine boots"
	booted=1
}

# Parse the guest's report. The head of tests/lab/demo/guest lists the types of its lines.
follow_guest() {
	local line rest

	while IFS= read -r line; do
		printf '%s\n' "$line" >>"$out/log"
		rest=${line#*|}
		case ${line%%|*} in
		step) step "$rest" ;;
		show) printf '          %s\n' "$rest" ;;
		row) rows+=("$rest") ;;
		fact) facts+=("$rest") ;;
		checks) checks=$rest ;;
		bad) bad=$rest ;;
		'waiting for another VM'*) step "$line" ;;
		'['*) print_boot ;;
		esac
	done
}

print_table() {
	local row what time resident swap pinned
	local form='  %-36s %7s %11s %11s %8s\n'

	# shellcheck disable=SC2059
	printf "\n$form" 'redis-server in the machine' time resident 'in swap' \
		pinned
	for row in "${rows[@]}"; do
		IFS='|' read -r what time resident swap pinned <<<"$row"
		# shellcheck disable=SC2059
		printf "$form" "$what" "$time" "$resident" "$swap" "$pinned"
	done
	printf '\n'
	printf '  %s\n' "${facts[@]}"
}

kernel=${1:-$(list_kernels check | head -n 1)}
out=$BUILD/demo
rows=()
facts=()
checks=0
bad=
booted=
mkdir -p "$out"
: >"$out/log"

echo "gupx: a live redis-server, paged out, populated, pinned and read by another"
echo "process, in a virtual machine. Nothing is loaded into this machine's kernel."
echo
step "$("$LAB/fetch" "$kernel" 2>&1 | tee -a "$out/log" | tail -n 1)"
build_proc_check
step "building the module and gupctl"
follow_guest < <(boot_guest)
code=0
wait $! || code=$?

if ((code != 0 || checks == 0)); then
	say "FAILED: ${bad:-the demo did not finish; the end of its log:}"
	[[ $bad ]] || tail -n 15 "$out/log" >&2
	die "exited with $code; see ${out#"$TOP"/}/log"
fi
print_table
printf '\n  %s checks passed in %s s. Log: %s\n' \
	"$checks" "$SECONDS" "${out#"$TOP"/}/log"
