# SPDX-License-Identifier: GPL-2.0
# The Makefile of each directory of tests includes this file.

here := $(dir $(lastword $(MAKEFILE_LIST)))
tests := $(abspath $(here)/..)
# Assign KSFT with :=, because a recursive variable would run the shell at each use.
ifndef KSFT
KSFT := $(shell bash -c '. $(tests)/lab/lib.sh && selftests_dir')
endif
OUTPUT ?= $(tests)/../build/selftests/$(notdir $(CURDIR))
$(shell mkdir -p $(OUTPUT))

TEST_GEN_PROGS := $(basename $(wildcard *_test.c))
TEST_PROGS := $(wildcard *_test.py)
COMMON := $(wildcard $(tests)/lib/*.c)

override CFLAGS += -std=gnu11 -O1 -Wall -static -I$(tests) -I$(tests)/lib \
	-I$(tests)/../uapi -isystem $(KSFT)
override LDLIBS += -lcap

include $(KSFT)/lib.mk

$(TEST_GEN_PROGS): $(COMMON) $(wildcard $(tests)/lib/*.h)
$(OUTPUT)/%_test: %_test.c
	$(CC) $(CFLAGS) -o $@ $< $(COMMON) $(LDLIBS)
