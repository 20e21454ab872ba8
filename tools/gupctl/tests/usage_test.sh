#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Test the errors that gupctl reports before it needs the module. Check the exit status,
# and check that the error is one line of text or one JSON object. Prints TAP.
# Usage: usage_test.sh GUPCTL
set -euo pipefail

gupctl=$1
here=$(dirname "$0")
# shellcheck source=tools/gupctl/tests/tap.sh
. "$here/tap.sh"
# shellcheck source=tools/gupctl/completions/gupctl.bash
. "$here/../completions/gupctl.bash"

# check_error STATUS PATTERN ARG...: check that gupctl exits with STATUS, that it prints
# exactly one line to stderr and nothing to stdout, and that the line matches PATTERN.
check_error()
{
	local status=$1 pattern=$2 got=0 bad=0 name="refuses:${*:3}"
	local out err

	shift 2
	err=$(mktemp)
	out=$("$gupctl" "$@" 2>"$err" </dev/null) || got=$?
	[[ $got -eq $status && -z $out ]] || bad=1
	[[ $(wc -l <"$err") -eq 1 ]] || bad=1
	grep -qe "$pattern" "$err" || bad=1
	[[ $bad -eq 0 ]] || sed 's/^/# /' "$err"
	rm -f "$err"
	report_result "$bad" "$name"
}

# check_output PATTERN ARG...: check that gupctl succeeds and that its output matches PATTERN.
check_output()
{
	local pattern=$1 bad=0 name="prints:${*:2}"
	local out

	shift
	out=$("$gupctl" "$@" 2>&1) || bad=1
	grep -qe "$pattern" <<<"$out" || bad=1
	report_result "$bad" "$name"
}

# check_json_error STATUS KIND ARG...: check that gupctl exits with STATUS and prints one
# JSON object with an error of kind KIND.
check_json_error()
{
	local status=$1 kind=$2 got=0 bad=0 name="json:${*:3}"
	local out

	shift 2
	out=$("$gupctl" "$@" 2>&1 </dev/null) || got=$?
	[[ $got -eq $status && $(wc -l <<<"$out") -eq 1 ]] || bad=1
	[[ $out == "{ "*"\"error\": { \"kind\": \"$kind\", \"text\": "*" }" ]] ||
		bad=1
	[[ $bad -eq 0 ]] || printf '# %s\n' "$out"
	report_result "$bad" "$name"
}

# check_write_error ARG...: check that gupctl fails with one line of text if it cannot write
# its output, because the device is full or because standard output is closed.
check_write_error()
{
	local bad=0 got=0 err

	err=$("$gupctl" "$@" 2>&1 >/dev/full) || got=$?
	[[ $got -eq 1 && $err == "gupctl: write error: No space left on device" ]] || bad=1
	got=0
	err=$("$gupctl" "$@" 2>&1 >&-) || got=$?
	[[ $got -eq 1 && $err == "gupctl: write error: Bad file descriptor" ]] || bad=1
	[[ $bad -eq 0 ]] || printf '# %s\n' "$err"
	report_result "$bad" "write error:$*"
}

# Check that gupctl ends quietly if the reader of its output has gone away, whether or not
# SIGPIPE is ignored.
check_closed_pipe()
{
	local bad=0 ignored got

	for ignored in '' "trap '' PIPE;"; do
		# shellcheck disable=SC2016 # The inner shell expands $0.
		got=$(bash -c "$ignored"'{ sleep 0.2; "$0" --help; echo " $?" >&2; } | true' \
			"$gupctl" 2>&1)
		[[ $got == " ${ignored:+1}" || $got == " 141" ]] || bad=1
	done
	report_result "$bad" "write error: closed pipe"
}

run_unprivileged() # WORD...
{
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		--inh-caps=-all --bounding-set=-all "$@"
}

# Check that gupctl refuses a process of another user. The check needs root, and is
# skipped otherwise.
check_stranger_refused()
{
	local copy bad=0 got=0 out=""

	if [[ $EUID -ne 0 ]]; then
		skip_test "refuses: a stranger's process" "needs root"
		return
	fi
	copy=$(mktemp)
	install -m 755 "$gupctl" "$copy"
	out=$(run_unprivileged "$copy" populate $$ '[heap]' 2>&1) || got=$?
	[[ $got -eq 1 && $out == *"CAP_SYS_PTRACE"* ]] || bad=1
	[[ $bad -eq 0 ]] || printf '# %s\n' "$out"
	rm -f "$copy"
	report_result "$bad" "refuses: a stranger's process"
}

# run_in_terminal COLUMNS ARG...: run gupctl in a terminal of that width.
run_in_terminal()
{
	local columns=$1

	shift
	TERM=xterm script -qec "stty cols $columns; $(printf '%q ' "$gupctl" "$@")" /dev/null \
		</dev/null | tr -d '\r'
}

# Check that tables fit the terminal, and that only a terminal without NO_COLOR has colors.
check_terminal()
{
	local bad columns out

	if [[ ! -x $(type -P script) ]]; then
		skip_test terminal "needs script(1)"
		return
	fi
	for columns in 40 80; do
		bad=0
		out=$(NO_COLOR=1 run_in_terminal "$columns" doctor | sed '/^to do/,$d') || true
		[[ $(wc -l <<<"$out") -gt 11 ]] || bad=1
		awk -v max="$columns" 'length($0) > max {bad = 1} END {exit bad}' <<<"$out" || bad=1
		[[ $out != *$'\e['* ]] || bad=1
		[[ $bad -eq 0 ]] || echo "# ${out//$'\n'/$'\n'# }"
		report_result "$bad" "terminal: doctor on $columns columns"
	done
	bad=0
	[[ $(run_in_terminal 80 doctor) == *$'\e[31mbad'* ]] || bad=1
	[[ $("$gupctl" doctor 2>&1) != *$'\e['* ]] || bad=1
	report_result "$bad" "terminal: colors"
}

# Check the options of tables.
check_table()
{
	local bad=0 out

	out=$("$gupctl" doctor -n -o state,check 2>/dev/null) || true
	[[ $out == *$'\nok'*" memlock"* && $out != *STATE* && $out != *RLIMIT* ]] || bad=1
	out=$("$gupctl" doctor --raw --output check,finding,cure 2>/dev/null) || true
	[[ $(head -n 1 <<<"$out") == "CHECK FINDING CURE" ]] || bad=1
	awk '/^to do/ {exit} NF != 3 {bad = 1} END {exit bad}' <<<"$out" || bad=1
	out=$("$gupctl" doctor -o check,lunch 2>&1) || [[ $? -eq 2 ]] || bad=1
	[[ $out == *"unknown column in 'check,lunch'"* ]] || bad=1
	report_result "$bad" "table: columns, headings, raw"
}

# Check that a process with a newline in its name is found, and that its name is escaped.
check_odd_name()
{
	local bad=0 got=0 dir out odd pid program

	dir=$(mktemp -d)
	program=$dir/$'a) \n\e[31m'
	cp "$(type -P sleep)" "$program"
	"$program" 600 &
	pid=$!
	until grep -q '\[31m' "/proc/$pid/comm"; do sleep 0.01; done
	out=$("$gupctl" pin "$pid" no-such-mapping 2>&1) || got=$?
	[[ $got -eq 1 && $out != *"no process"* && $out != *$'\e'* ]] || bad=1
	odd=$("$gupctl" pin "$pid" $'\e[31m\n\xff+1' --json 2>&1) || true
	[[ $(wc -l <<<"$odd") -eq 1 && $odd != *$'\e'* && $odd != *$'\xff'* ]] || bad=1
	[[ $bad -eq 0 ]] || printf '# %s\n' "$out" "$odd"
	kill "$pid"
	rm -r "$dir"
	report_result "$bad" "escapes: an odd name"
}

# Check that doctor without the module prints findings to stdout and one line to stderr.
check_doctor()
{
	local got=0 bad=0 out err

	err=$(mktemp)
	out=$("$gupctl" doctor 2>"$err") || got=$?
	[[ $got -eq 1 && $(wc -l <"$err") -eq 1 ]] || bad=1
	grep -qE '^loaded +bad +the module is not loaded' <<<"$out" || bad=1
	grep -q '^to do, loaded: .*modprobe gupx' <<<"$out" || bad=1
	grep -q '^gupctl doctor: [0-9] of 12 checks failed' "$err" || bad=1
	[[ $bad -eq 0 ]] || sed 's/^/# /' "$err" - <<<"$out"
	rm -f "$err"
	report_result "$bad" "doctor: no module"
}

# Print the names of the commands that the help lists.
list_commands()
{
	"$gupctl" --help | sed -nE '/^Commands:/,$s/^  ([a-z]+) .*/\1/p'
}

# Print the long options that the help of a command lists.
list_options() # COMMAND
{
	"$gupctl" "$1" --help | sed -nE 's/^  (-[a-zA-Z],|   ) (--[a-z-]+).*/\2/p' | sort
}

# Print the long options that the man page lists for a command. If an option has no list
# of commands, it belongs to all commands.
list_man_options() # COMMAND
{
	awk -v command="$1" '
		/^\.Ss (Options|Processes)/ { on = 1; next }
		/^\.Ss/ { on = 0 }
		on && /^\.It Fl/ {
			if (name != "" && belongs && !seen[name]++) print name
			name = $0; belongs = 1
			sub(/ Ns .*/, "", name); sub(/.* -/, "--", name)
		}
		on && /^\.Pq/ { belongs = (" " $0 ",") ~ (" " command ",") }
		END { if (name != "" && belongs && !seen[name]++) print name }' "$here/../gupctl.8" | sort
}

# Check that "help" prints what --help prints, for gupctl and for each command.
check_help()
{
	local bad=0 command

	[[ $("$gupctl" help) == "$("$gupctl" --help)" ]] || bad=1
	while read -r command; do
		[[ $("$gupctl" help "$command") == "$("$gupctl" "$command" --help)" ]] || bad=1
	done < <(list_commands)
	report_result "$bad" "help: the same as --help"
	check_error 2 "unknown command 'bogus'" help bogus
	check_error 2 "unexpected argument 'read'" help pin read
	check_json_error 2 usage --json help bogus
}

# Check that the completion and the man page list the commands and the options of the
# help, and no others.
check_lists()
{
	local bad command expected all missing

	missing=$("$gupctl" 2>&1) || true
	mapfile -t all < <(list_commands)
	bad=0
	for command in "${all[@]}"; do
		grep -q "^\.It Cm $command\$" "$here/../gupctl.8" || bad=1
		# The synopsis
		grep -q "^\.Cm $command\$" "$here/../gupctl.8" || bad=1
		grep -qw "$command" <<<"$missing" || bad=1
	done
	[[ ${#all[@]} -gt 5 ]] || bad=1
	report_result "$bad" "lists: commands in the man page and in \"missing command\""
	bad=0
	COMP_WORDS=(gupctl "") COMP_CWORD=1
	_gupctl
	[[ ${COMPREPLY[*]} == "${all[*]}" ]] || bad=1
	COMP_WORDS=(gupctl help "") COMP_CWORD=2
	_gupctl
	[[ ${COMPREPLY[*]} == "${all[*]}" ]] || bad=1
	report_result "$bad" "lists: commands in the completion"
	for command in "${all[@]}"; do
		bad=0
		expected=$(list_options "$command")
		COMP_WORDS=(gupctl "$command" --) COMP_CWORD=2
		_gupctl
		[[ $(printf '%s\n' "${COMPREPLY[@]}" | sort) == "$expected" ]] || bad=1
		report_result "$bad" "lists: options of $command in the completion"
		bad=0
		# The man page describes --all in the section about ranges.
		[[ $(list_man_options "$command") == "$(grep -v -- --all <<<"$expected")" ]] ||
			bad=1
		report_result "$bad" "lists: options of $command in the man page"
	done
}

sleep 600 &
live=$!
trap 'kill "$live" 2>/dev/null || true' EXIT

for arguments in --help --version help 'help pin' 'info --help' 'pin --help' 'pin --json --bogus' doctor \
	'doctor --json'; do
	# shellcheck disable=SC2086 # Each word is an argument.
	check_write_error $arguments
done
check_closed_pipe
check_output 'Commands:' --help
check_output '^gupctl [0-9u]' --version
for command in info doctor pin pins unpin populate read explain map help; do
	check_output "Usage: gupctl $command" "$command" --help
	check_error 2 "unrecognized option '--bogus'" "$command" --bogus
	check_error 2 "invalid option -- 'x'" "$command" -x
	check_json_error 2 usage --json "$command" --bogus
	check_json_error 2 usage "$command" --json --bogus
done
for command in pin populate read explain; do
	check_error 2 'missing PID' "$command"
	check_error 2 'missing RANGE' "$command" "$live"
	check_error 2 'mutually exclusive' "$command" "$live" --all '[heap]'
	check_error 2 'missing PID' "$command" '[heap]'
	check_error 1 "no process with the name 'zero'" "$command" zero '[heap]'
	check_error 1 "no PID in the file '/dev/null'" "$command" --pidfile /dev/null '[heap]'
	check_error 1 "cannot read the PID file '/none'" "$command" --pidfile /none '[heap]'
	check_error 1 "no cgroup 'none'" "$command" --cgroup none '[heap]'
	check_error 1 "no running unit 'none.service'" "$command" --unit none '[heap]'
	check_error 2 "invalid PID '0'" "$command" 0 '[heap]'
	check_error 2 "invalid PID '99999999999'" "$command" 99999999999 '[heap]'
	check_error 2 'missing length' "$command" "$live" 0x1000
	check_error 2 'below the start' "$command" "$live" 0x2000-0x1000
	check_error 2 'beyond the end' "$command" "$live" 0x1000+0xffffffffffffffff
	check_error 2 'beyond the end' "$command" "$live" 0-0xfffffffffffff000
	check_error 2 "doesn't allow an argument" "$command" "$live" --all=yes
	check_error 1 'no process' "$command" 4194304 '[heap]'
	check_json_error 1 no_such_process "$command" --json 4194304 '[heap]'
	if [[ -r /proc/2/comm && $(</proc/2/comm) == kthreadd ]]; then
		check_error 1 'kernel thread' "$command" 2 '[heap]'
	fi
done
for command in pin populate read; do
	check_error 2 "invalid engine 'steam'" "$command" "$live" '[heap]' --engine=steam
	check_error 2 'requires an argument' "$command" "$live" '[heap]' --engine
done
for jobs in 0 -1 257 two ''; do
	check_error 2 'from 1 to 256' populate "$live" '[heap]' --jobs="$jobs"
done
check_error 2 "unrecognized option '--jobs'" pin "$live" '[heap]' --jobs=2
check_error 2 "unrecognized option '--engine'" explain "$live" '[heap]' --engine=kernel
check_error 2 "invalid command 'lunch'" explain "$live" '[heap]' --for=lunch
check_error 2 'requires an argument' explain "$live" '[heap]' --for
check_error 2 'read does not support option --write' explain "$live" '[heap]' --for=read --write
check_error 2 'populate does not support option --force' explain "$live" '[heap]' --for=populate --force
check_error 2 'populate does not support option --nofault' explain "$live" '[heap]' --for populate --nofault
check_error 2 'missing command' -v
check_error 2 'unknown command' bogus
check_error 2 'unknown command' pi
check_error 2 "unexpected argument '1'" info 1
check_error 2 "unexpected argument '1'" doctor 1
check_error 2 "unexpected argument '2'" pins 1 2
check_error 2 'missing ID, NAME or PID' unpin
check_error 2 "unexpected argument 'b'" unpin a b
check_error 2 "invalid holder '0'" unpin 0
check_error 2 "invalid holder '1-'" unpin 1-
check_error 1 "no holder of pins 'nothing'" unpin nothing
check_error 1 "no holder of pins '4194304'" unpin 4194304
check_error 1 "no holder of pins '4194304-1f'" unpin 4194304-1f
check_error 1 "process $live holds no pins" unpin "$live"
check_json_error 1 no_such_holder unpin --json $'\e\xff'
check_error 2 "invalid name '7'" pin "$live" '[heap]' --name 7
check_error 2 "invalid name 'a/../b'" pin "$live" '[heap]' --name a/../b
check_error 2 "requires a command" pin "$live" '[heap]' --exec
check_error 2 '\-\-detach and --exec are' pin "$live" '[heap]' --detach --exec true
check_error 2 '\-\-hold and --exec are' pin "$live" '[heap]' --hold 1 --exec true
check_error 2 '\-\-dry-run and --detach are' pin "$live" '[heap]' --dry-run --detach
check_error 2 'missing RANGE' pin "$live" --exec true '[heap]' --json
check_output '^no pins$' pins no-such-process
check_output '"pins": . .' pins --json no-such-process
check_error 2 "invalid time 'soon'" pin "$live" '[heap]' --hold=soon
check_error 2 "invalid time '-1'" pin "$live" '[heap]' --hold=-1
check_error 2 "unrecognized option '--nofault'" populate "$live" '[heap]' --nofault
check_error 2 "unrecognized option '--write'" read "$live" '[heap]' --write
check_error 2 'beyond the end' pin "$live" 0xfffffffffffffff0+1
check_error 2 'beyond the end' populate "$live" 0xfffffffffffffff0+1
check_error 2 'beyond the end' explain "$live" 0xfffffffffffffff0+1
check_json_error 2 usage read "$live" '[heap]' --json --raw
check_error 1 "with the name '.x1b\\[31m'" pin $'\e[31m' '[heap]'
check_json_error 1 no_such_process pin --json $'\e\xff' '[heap]'
check_odd_name
check_terminal
check_table
check_stranger_refused
check_help
check_lists
if [[ ! -e /dev/gupx ]]; then
	check_error 1 'modprobe gupx' info
	check_error 1 'modprobe gupx' pin "$live" '[heap]'
	check_json_error 1 no_module info --json
	check_doctor
	check_json_error 1 bad_setup doctor --json
fi
end_tests
