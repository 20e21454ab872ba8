// SPDX-License-Identifier: GPL-2.0
/* Minimal module for doctor_test. It contains only the section that modinfo reads. */
static const char info[] __attribute__((section(".modinfo"), used)) =
	"version=9.8.7\0vermagic=1.2.3-test SMP mod_unload ";
