# SPDX-License-Identifier: GPL-2.0
#
# Targets for users and developers; `make help` lists them. kbuild reads Kbuild instead.

O := $(CURDIR)/build
KDIR ?= /lib/modules/$(shell uname -r)/build
# Used by the lab: names of kernels in tests/lab/kernels, and names of test programs.
KERNEL ?= 6.1
KERNELS ?=
# The policy follows this version of the kernel.
MUTANTS_KERNEL ?= 6.12
TESTS ?=

export DESTDIR

.PHONY: all module cli help check check-all check-debug matrix coverage lint bench demo vm diff fuzz soak mutants deps deb install uninstall sign clean

all: module cli

ifneq ($(wildcard $(KDIR)/Makefile),)
module:
	@tests/lab/copy $(O)/host
	$(MAKE) -C $(KDIR) M=$(O)/host modules
	@echo "built: build/host/gupx.ko"
else
module:
	@echo "The module is not built: there are no kernel headers in $(KDIR)."
	@echo "Install linux-headers-$$(uname -r), or set KDIR=/path/to/headers."
endif

cli:
	$(MAKE) -C tools/gupctl O=$(O)

help:
	@sed -n 's/^#: \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

#: gupx: get_user_pages on the memory of another process, from user space
#:
#:   make               build the module for the running kernel, and gupctl
#:                      (KDIR=/path/to/kernel/headers for another kernel)
#:   make install       install both; DKMS builds the module; group gupx may use /dev/gupx
#:   make uninstall     remove everything that make install has installed
#:   make deb           build Debian packages, gupx-dkms and gupctl, in build/deb/
#:   make sign          sign the module that make has built, for Secure Boot
#:                      (tools/dist/SECURE-BOOT.md)
#:   make clean         remove build/ (the lab's cache stays in ~/.cache/gupx)
#:
#: These run in virtual machines and load nothing into this machine's kernel. They list
#: and install the Debian packages that they need:
#:   make demo          page out, populate, pin and read a real redis-server; with ARCH=arm64
#:                      in an emulated machine of arm64
#:   make check         run lint, and all tests on the oldest and the newest kernel
#:                      (KERNELS="6.1 6.12" for others)
#:   make check-all     run all checks, also slow ones, on every kernel of tests/lab/kernels
#:   make matrix        build, load, test and compare on each kernel; print a table
#:   tests/lab/builds   build for every kernel and flavour of the mirror's suites
#:   tests/lab/news     print how get_user_pages() changes in Debian's experimental
#:   make check-debug   run the tests on a kernel with memory, lock and leak checks
#:                      (building it once takes 10 minutes; TESTS="..." selects tests)
#:   make coverage      report which lines and branches of module/ these tests reach
#:   make bench         measure instructions per page of gupx and of the kernel's functions,
#:                      and print the table of goals (for one row: tests/bench/run 6.1 pin-4k)
#:
#: While working on gupx (CONTRIBUTING.md):
#:   make lint          check warnings, sparse, checkpatch, clang-format, shellcheck...
#:   make vm KERNEL=6.1 TESTS="pin_test read_test"
#:                      boot a kernel and run these tests, or all without TESTS
#:   make diff KERNEL=6.1 CASES=1000 SEED=7
#:                      make random requests and compare the results with the kernel's
#:   make fuzz KERNEL=6.1 MINUTES=30 SEED=7
#:                      run random scripts on /dev/gupx and check the results
#:   make soak MINUTES=60 KERNEL=6.12
#:                      run chaos, fuzzer and differential tester in one machine
#:   make mutants       negate each condition of module/policy.h; the tests must fail
#:   tests/lab/run 6.1 -- sh
#:                      start a shell in the virtual machine, with gupx loaded

deps:
	tests/lab/deps build vm lint

check:
	@tests/lab/check $(KERNELS)

check-all:
	@tests/lab/check all

matrix:
	@tests/lab/check matrix

check-debug:
	@tests/lab/check debug $(TESTS)

coverage:
	@tests/lab/coverage

lint:
	@tests/lab/deps build lint vm
	@tests/lab/lint

# Without CASES, run what make check runs. With CASES, use a fresh seed unless SEED is set,
# and a limit of one day.
diff:
	@VM_LIMIT=$(if $(CASES),86400,300) tests/stress/diff/run $(KERNEL) \
		$(if $(CASES),--seed $(or $(SEED),fresh) --cases $(CASES))

# Without MINUTES, run what make check runs. With MINUTES, use a fresh seed unless SEED is
# set.
fuzz:
	@VM_LIMIT=$(if $(MINUTES),86400,300) tests/stress/fuzz/run $(KERNEL) \
		$(if $(MINUTES),--seed $(or $(SEED),fresh) \
			--seconds $$(($(MINUTES) * 60)))

soak:
	@tests/lab/deps build vm
	@tests/stress/soak/run $(KERNEL) $(or $(MINUTES),60)

# Measure on the oldest and the newest kernel. Charts and figures are written to
# build/bench/.
bench:
	@tests/lab/deps build vm bench
	@tests/bench/all $(KERNELS)

mutants:
	@tests/stress/diff/mutants $(MUTANTS_KERNEL) $(MUTANTS)

vm:
	@tests/lab/run $(KERNEL) $(TESTS)

demo:
	@tests/lab/deps build vm demo
	@env -u ARCH tests/lab/demo.sh $(if $(ARCH),6.1-$(ARCH))

install: cli
	tools/dist/install.sh

deb:
	@tests/lab/deps build deb lintian
	@tools/dist/deb.sh

uninstall:
	tools/dist/uninstall.sh

sign:
	@KDIR="$(KDIR)" tools/dist/sign.sh "$(or $(MODULE),$(O)/host/gupx.ko)"

clean:
	rm -rf $(O)
