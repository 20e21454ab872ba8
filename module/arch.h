/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Architecture specific parts of the page-table walk. Each architecture defines the
 * same gupx_arch_*() functions; arch/x86.h documents them.
 */
#ifndef GUPX_ARCH_H
#define GUPX_ARCH_H

#if defined(CONFIG_X86_64)
#include "arch/x86.h"
#else
#error "gupx does not support this architecture"
#endif

#endif /* GUPX_ARCH_H */
