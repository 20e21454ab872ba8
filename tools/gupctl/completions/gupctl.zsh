#compdef gupctl
# SPDX-License-Identifier: GPL-2.0
# zsh completion for gupctl. The commands, the options and their descriptions come from
# `gupctl --help`, so they are those of the installed version.

# Print the help text. A long line is not wrapped.
_gupctl_help() { # [COMMAND]
	ARGP_HELP_FMT=rmargin=500 gupctl $1 --help 2>/dev/null
}

# Fill the array "verbs" with NAME:DESCRIPTION.
_gupctl_find_commands() {
	local line
	local -a match mbegin mend

	for line in ${(f)"$(_gupctl_help)"}; do
		[[ $line =~ '^  ([a-z]+)   *([^ ].*)$' ]] || continue
		verbs+=("$match[1]:$match[2]")
	done
}

# Print what may be the value of an option.
_gupctl_action() { # OPTION COMMAND
	case $1 in
	engine) print '(gupx kernel)' ;;
	for) print '(pin populate read)' ;;
	pidfile) print '_files' ;;
	cgroup) print '_path_files -/ -W /sys/fs/cgroup' ;;
	unit) print '_gupctl_units' ;;
	output) [[ $2 == read ]] && print '_files' || print ' ' ;;
	*) print ' ' ;;
	esac
}

# Fill the array "specs" with what _arguments takes.
_gupctl_find_specs() { # [COMMAND]
	local line name text value
	local -a match mbegin mend

	for line in ${(f)"$(_gupctl_help $1)"}; do
		[[ $line =~ '^  (-.,|   ) --([a-z-]+)(=[A-Z]+)?  *([^ ].*)$' ]] || continue
		name=$match[2] value=${match[3]#=} text=$match[4]
		# In a specification, these characters have a meaning.
		text=${text//'['/'('} text=${text//']'/')'} text=${text//:/'\:'}
		if [[ -n $value ]]; then
			specs+=("--${name}=[$text]:$value:$(_gupctl_action $name $1)")
		else
			specs+=("--${name}[$text]")
		fi
	done
}

_gupctl_units() {
	local -a units

	units=(${${(f)"$(systemctl list-units --type=service --state=running --plain \
		--no-legend 2>/dev/null)"}%% *})
	compadd -a units
}

# Complete a PID, or a name of a mapping if the command line has a PID: the groups, and names
# and paths from /proc/PID/maps.
_gupctl_operand() {
	local pid=${${(M)words:#<->}[1]} line
	local -aU names
	local -a match mbegin mend

	if [[ -z $pid || $words[CURRENT] == $pid ]]; then
		_pids
		return
	fi
	names=('[anon]' '[shared]' '[file]' '[writable]')
	if [[ -r /proc/$pid/maps ]]; then
		for line in ${(f)"$(</proc/$pid/maps)"}; do
			[[ ! $line =~ '^[^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ +([^ ].*)$' ]] ||
				names+=("${match[1]% (deleted)}")
		done
	fi
	compadd -a names
}

_gupctl() {
	local command word
	local -a verbs specs

	_gupctl_find_commands
	for word in ${words[2,CURRENT-1]}; do
		if (( ${verbs[(I)$word:*]} )); then
			command=$word
			break
		fi
	done
	_gupctl_find_specs $command
	if [[ -z $command ]]; then
		_arguments -s $specs '*:command:{ _describe command verbs }'
	elif [[ $command == (info|doctor) ]]; then
		_arguments -s $specs "1:command:($command)"
	elif [[ $command == help ]]; then
		_arguments -s $specs "1:command:($command)" '2:command:{ _describe command verbs }'
	elif [[ $command == (pins|unpin) ]]; then
		_arguments -s $specs "1:command:($command)" '2:process:_pids'
	else
		_arguments -s $specs "1:command:($command)" '*:target or range:_gupctl_operand'
	fi
}

_gupctl "$@"
