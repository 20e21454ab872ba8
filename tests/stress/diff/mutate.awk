# SPDX-License-Identifier: GPL-2.0
# awk -v number=N -f mutate.awk policy.h: prints policy.h with condition N negated.
# Without a number, prints a line for each condition: N, line number, negated text.
#
# A condition is a test of facts (`vma & GUPX_V_READ`) or a comparison. Masking the kind
# of an entry is not a condition by itself. #defines are skipped.

function mutant(before, old, new, after)
{
	count++
	if (number == count)
		chosen = before new after
	if (!number) {
		text = before new after
		gsub(/[ \t]+/, " ", text)
		printf "%d %d%s\n", count, NR, text
	}
}

function find(pattern, kind,	start, old)
{
	start = 1
	while (match(substr($0, start), pattern)) {
		old = substr($0, start + RSTART - 1, RLENGTH)
		before = substr($0, 1, start + RSTART - 2)
		after = substr($0, start + RSTART - 1 + RLENGTH)
		# If the test is compared with a value, only the comparison counts.
		if (kind == "test" && old !~ /GUPX_E_KIND/ &&
		    after !~ /^[)] [!=]= /)
			mutant(before, old, "!(" old ")", after)
		if (kind == "comparison")
			mutant(before, old, old == " == " ? " != " : " == ",
			       after)
		start += RSTART - 1 + RLENGTH
	}
}

{
	chosen = $0
	# Skip comments and #defines.
	if ($0 !~ /^[ \t]*(#|\/\*|\*)/) {
		find("(entry|vma|request|fault) & (GUPX_[A-Z0-9_]+|own|written|[(]GUPX[^()]*[)])",
		     "test")
		find(" [!=]= ", "comparison")
	}
	if (number)
		print chosen
}
