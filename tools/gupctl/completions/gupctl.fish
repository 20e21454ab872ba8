# SPDX-License-Identifier: GPL-2.0
# fish completion for gupctl. The commands, the options and their descriptions come from
# `gupctl --help`, so they are those of the installed version.

# Print the help text. A long line is not wrapped.
function __gupctl_help # [COMMAND]
    ARGP_HELP_FMT=rmargin=500 gupctl $argv --help 2>/dev/null
end

function __gupctl_commands
    __gupctl_help | string replace -rf '^  ([a-z]+) {2,}(\S.*)$' '$1\t$2'
end

# Print the command that the command line contains.
function __gupctl_command
    set -l known (__gupctl_commands | string split -f 1 \t)
    for word in (commandline -opc)[2..]
        if contains -- $word $known
            echo $word
            return 0
        end
    end
    return 1
end

# Print the long options of the command, or of gupctl if there is no command yet. Those whose
# value can be completed are also below.
function __gupctl_options
    __gupctl_help (__gupctl_command) |
        string replace -rf '^ {2}(?:-\w,| {3}) (--[a-z-]+)(?:=\S+)? {2,}(\S.*)$' '$1\t$2'
end

# Print the first word behind the command that is a PID.
function __gupctl_pid
    set -l words (commandline -opc)[2..]
    string match -r '^[0-9]+$' -- $words | head -n 1
end

function __gupctl_needs_target
    __gupctl_takes_target; and test -z "$(__gupctl_pid)"
end

function __gupctl_needs_range
    __gupctl_takes_target; and test -n "$(__gupctl_pid)"
    and not contains -- "$(__gupctl_command)" pins unpin
end

function __gupctl_takes_target
    not contains -- "$(__gupctl_command)" '' info doctor help
end

# Print names of mappings: the groups, and names and paths from /proc/PID/maps.
function __gupctl_names
    printf '%s\n' '[anon]' '[shared]' '[file]' '[writable]'
    set -l maps /proc/(__gupctl_pid)/maps
    cat $maps 2>/dev/null | string replace -rf '^\S+ \S+ \S+ \S+ \S+ +(\S.*)$' '$1' |
        string replace -r ' \(deleted\)$' '' | sort -u
end

# Print whether the option has a value: --help shows it as --option=VALUE.
function __gupctl_takes # OPTION
    __gupctl_help (__gupctl_command) | string match -qr -- "--$argv[1]="
end

complete -c gupctl -f
complete -c gupctl -n 'not __gupctl_command' -a '(__gupctl_commands)'
complete -c gupctl -n 'test "$(__gupctl_command)" = help' -a '(__gupctl_commands)'
complete -c gupctl -a '(__gupctl_options)'
complete -c gupctl -n __gupctl_needs_target -a '(__fish_complete_pids)'
complete -c gupctl -n __gupctl_needs_range -a '(__gupctl_names)'
complete -c gupctl -n '__gupctl_takes engine' -s e -l engine -x -a 'gupx kernel' -d 'Engine that walks the page tables'
complete -c gupctl -n '__gupctl_takes for' -s f -l for -x -a 'pin populate read' -d 'Command to explain'
complete -c gupctl -n '__gupctl_takes cgroup' -l cgroup -x -a '(cd /sys/fs/cgroup; and __fish_complete_directories)' -d 'Processes of a cgroup'
complete -c gupctl -n '__gupctl_takes unit' -l unit -x -a '(__fish_systemctl_services)' -d 'Processes of a systemd unit'
complete -c gupctl -n '__gupctl_takes pidfile' -l pidfile -r -F -d 'Process whose PID is in a file'
complete -c gupctl -n '__gupctl_takes output' -s o -l output -r -F -d 'Output file or columns'
complete -c gupctl -n '__gupctl_takes hold' -l hold -x -d 'Seconds to hold the pins'
complete -c gupctl -n '__gupctl_takes jobs' -s j -l jobs -x -d 'Number of threads'
complete -c gupctl -n '__gupctl_takes min' -l min -x -d 'Only mappings of this size or larger'
