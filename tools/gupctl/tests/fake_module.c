// SPDX-License-Identifier: GPL-2.0
/* For doctor_test: what modinfo reads of a module, and no more. */
static const char info[] __attribute__((section(".modinfo"), used)) =
	"version=9.8.7\0vermagic=1.2.3-test SMP mod_unload ";
