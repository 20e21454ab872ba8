# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Functions that the test scripts share: results in the format TAP.

count=0
failed=0

report_result() # STATUS NAME
{
	local word=ok

	count=$((count + 1))
	if [[ $1 -ne 0 ]]; then
		word="not ok"
		failed=1
	fi
	printf '%s %d - %s\n' "$word" "$count" "$2"
}

skip_test() # NAME REASON
{
	count=$((count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$count" "$1" "$2"
}

# Print the number of results, and exit with the status of the test.
end_tests()
{
	echo "1..$count"
	exit "$failed"
}
