#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Test the completions of zsh and fish: for each command they offer exactly the options of
# --help. Also test that they offer all commands, and names of mappings. Prints TAP.
# Usage: completion_test.sh GUPCTL
set -euo pipefail

here=$(dirname "$0")
# shellcheck source=tools/gupctl/tests/tap.sh
. "$here/tap.sh"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
ln -s "$(realpath "$1")" "$dir/gupctl"
PATH=$dir:$PATH

# check_same NAME EXPECTED GOT
check_same()
{
	local bad=0

	[[ -n $2 && $2 == "$3" ]] || bad=1
	[[ $bad -eq 0 ]] || diff <(echo "$2") <(echo "$3") | sed 's/^/# /' || true
	report_result "$bad" "$1"
}

# complete_fish LINE: print what fish offers at the end of the line.
complete_fish()
{
	XDG_CONFIG_HOME=$dir HOME=$dir fish -c "source $here/../completions/gupctl.fish
		complete -C '$1'" | cut -f 1
}

# complete_zsh CODE WORD...: print what the function gives to zsh for these words; CODE runs
# after it. The functions of zsh's completion system print their arguments.
complete_zsh()
{
	zsh -f -c '_arguments() { print -rl -- "$@" }
		compadd() { print -rl -- ${(P)@[-1]} }
		code=$1 file=$2
		shift 2
		words=("$@") CURRENT=$#
		source $file
		eval $code' zsh "$1" "$here/../completions/gupctl.zsh" "${@:2}"
}

list_options() # COMMAND
{
	gupctl "$1" --help | grep -oE '^ +(-., )? *--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort
}

list_commands()
{
	gupctl --help | sed -n '/^Commands:/,/^See/s/^  \([a-z]*\) .*/\1/p' | sort
}

check_fish()
{
	local command

	if ! type -P fish >/dev/null; then
		skip_test fish "not installed"
		return
	fi
	check_same "fish: commands" "$(list_commands)" "$(complete_fish 'gupctl ' | grep -v '^-' | sort)"
	for command in $(list_commands); do
		check_same "fish: options of $command" "$(list_options "$command")" \
			"$(complete_fish "gupctl $command --" | sort)"
	done
	check_same "fish: a group of mappings" '[shared]' "$(complete_fish "gupctl pin $$ [sh")"
}

check_zsh()
{
	local command

	if ! type -P zsh >/dev/null; then
		skip_test zsh "not installed"
		return
	fi
	# shellcheck disable=SC2016 # zsh expands these.
	check_same "zsh: commands" "$(list_commands)" "$(complete_zsh \
		'verbs=(); _gupctl_find_commands; print -rl -- ${verbs%%:*}' gupctl '' |
		sed -n '/^[a-z]*$/p' | sort)"
	for command in $(list_commands); do
		check_same "zsh: options of $command" "$(list_options "$command")" \
			"$(complete_zsh : gupctl "$command" '' | grep -oE '^--[a-z-]+' | sort)"
	done
	check_same "zsh: a group of mappings" '[shared]' \
		"$(complete_zsh _gupctl_operand gupctl pin $$ '[s' | grep '^\[s.*d\]')"
}

check_fish
check_zsh
end_tests
