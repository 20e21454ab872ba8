# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Bash completion for gupctl: commands, options, PIDs and names of mappings.

_gupctl_options() # COMMAND
{
	local common="--json --verbose --help --version"
	local table="--output --noheadings --raw"
	local target="--all --pidfile --cgroup --unit --tree --min --only-swapped $common"

	case $1 in
	info) echo "$common" ;;
	doctor) echo "$table $common" ;;
	pin) echo "--dry-run --best-effort --write --nofault --force --here --hold --extents --partial --read-only --name --detach --holder-pidfile --exec --engine $table $target" ;;
	pins) echo "$table $common" ;;
	populate) echo "--dry-run --force --read --best-effort --write --jobs --here --engine $table $target" ;;
	read) echo "--best-effort --nofault --force --output --partial --raw --engine $target" ;;
	explain) echo "--for --runs --write --nofault --force $table $target" ;;
	map) echo "--groups --svg $table $target" ;;
	*) echo "$common" ;;
	esac
}

# Print names of mappings: the groups, and names and paths from /proc/PID/maps.
_gupctl_names() # PID
{
	printf '%s\n' '[anon]' '[shared]' '[file]' '[writable]'
	[[ -r /proc/$1/maps ]] || return 0
	# mawk, the default awk of Debian, does not support {5}.
	awk 'NF > 5 { sub(/^[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ +/, ""); sub(/ \(deleted\)$/, "");
		if (!seen[$0]++) print }' "/proc/$1/maps" 2>/dev/null
}

_gupctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command="" pid="" i
	local commands="info doctor pin pins unpin populate read explain map help"

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-* | =) ;;
		[a-z]*)
			[[ -n $command || " $commands " != *" ${COMP_WORDS[i]} "* ]] ||
				command=${COMP_WORDS[i]}
			;;
		*[!0-9]*) ;;
		*)
			[[ ${COMP_WORDS[i - 1]} == --hold || ${COMP_WORDS[i - 1]} == --jobs || ${COMP_WORDS[i - 1]} == --min ]] ||
				[[ -n $pid ]] || pid=${COMP_WORDS[i]}
			;;
		esac
	done
	case $before in
	--engine | -e) mapfile -t COMPREPLY < <(compgen -W "gupx kernel" -- "$word") ;;
	--for | -f) mapfile -t COMPREPLY < <(compgen -W \
		"pin populate read" -- "$word") ;;
	--pidfile | --holder-pidfile | --svg) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	--cgroup) mapfile -t COMPREPLY < <(cd /sys/fs/cgroup && compgen -d -- "$word") ;;
	--unit) mapfile -t COMPREPLY < <(compgen -W "$(systemctl list-units --type=service \
		--state=running --plain --no-legend 2>/dev/null | cut -d ' ' -f 1)" -- "$word") ;;
	--output | -o)
		[[ $command != read ]] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
		;;
	--exec) mapfile -t COMPREPLY < <(compgen -c -- "$word") ;;
	--hold | --jobs | -j | --min | --name) ;;
	*)
		if [[ $word == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W \
				"$(_gupctl_options "$command")" -- "$word")
		elif [[ -z $command || $command == help ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
		elif [[ $command == info || $command == doctor ]]; then
			:
		elif [[ $command == unpin ]]; then
			mapfile -t COMPREPLY < <(compgen -W \
				"$(gupctl pins --raw -n -o id 2>/dev/null)" -- "$word")
		elif [[ -z $pid ]]; then
			mapfile -t COMPREPLY < <(cd /proc &&
				compgen -W "$(echo [0-9]*)" -- "$word")
		else
			mapfile -t COMPREPLY < <(_gupctl_names "$pid" |
				while IFS= read -r name; do
					[[ $name != "$word"* ]] || printf '%q\n' "$name"
				done)
		fi
		;;
	esac
}

complete -F _gupctl gupctl
