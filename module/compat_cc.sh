#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# compat_cc.sh COMPILER ARGUMENT...: run the compiler. If it fails, add a sentence for users.
"$@" && exit
code=$?
echo "gupx: this does not compile for this kernel, which is newer than this gupx supports; update gupx" >&2
exit "$code"
