# SPDX-License-Identifier: GPL-2.0
#
# For people; kbuild reads Kbuild. `make help` lists the targets.

O := $(CURDIR)/build
KDIR ?= /lib/modules/$(shell uname -r)/build
# For the lab: kernels of tests/lab/kernels, and programs of tests/.
KERNEL ?= 6.1
KERNELS ?=
# The rows of the policy describe this kernel.
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
	@echo "No headers of the running kernel in $(KDIR): the module is not built."
	@echo "Install linux-headers-$$(uname -r), or say KDIR=/path/to/headers."
endif

cli:
	$(MAKE) -C tools/gupctl O=$(O)

help:
	@sed -n 's/^#: \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

#: gupx: get_user_pages on the memory of another process, from user space
#:
#:   make               build the module for the running kernel, and gupctl
#:                      (KDIR=/path/to/kernel/headers for another kernel)
#:   make install       install both: DKMS, /dev/gupx for group gupx, gupctl
#:   make uninstall     remove all of that
#:   make deb           build Debian packages, gupx-dkms and gupctl, in build/deb/
#:   make sign          sign the module that make has built, for Secure Boot
#:                      (tools/dist/SECURE-BOOT.md)
#:   make clean         remove build/ (the lab's cache stays in ~/.cache/gupx)
#:
#: These run in virtual machines; this machine's kernel loads nothing. They install
#: the Debian packages that they need, and list them:
#:   make demo          a real redis-server, paged out, populated, pinned, read
#:   make check         lint, and all tests on the oldest kernel and the newest
#:                      (KERNELS="6.1 6.12" for others)
#:   make check-all     the same on every kernel of tests/lab/kernels
#:   make matrix        build, load, test and compare on each kernel; prints a table
#:   make check-debug   the tests on a kernel with memory, lock and leak checks
#:                      (10 minutes to build, once; TESTS="..." for some)
#:   make coverage      lines and branches of module/ that those tests reach
#:   make bench         instructions a page, of gupx and of the kernel's functions, and
#:                      the table of goals (tests/bench/run 6.1 pin-4k for one row)
#:
#: While working on gupx (CONTRIBUTING.md):
#:   make lint          warnings, sparse, checkpatch, clang-format, shellcheck...
#:   make vm KERNEL=6.1 TESTS="pin_test read_test"
#:                      boot a kernel and run some tests; all without TESTS
#:   make diff KERNEL=6.1 CASES=1000 SEED=7
#:                      random memory and requests, compared with the kernel's answers
#:   make fuzz KERNEL=6.1 MINUTES=30 SEED=7
#:                      random scripts over /dev/gupx, checked against its contract
#:   make soak MINUTES=60 KERNEL=6.12
#:                      chaos, fuzzer and tester in one machine, for that long
#:   make mutants       invert each condition of module/policy.h; do the tests notice?
#:   tests/lab/run 6.1 -- sh
#:                      a shell in the machine, with gupx loaded

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

# Without CASES the same as in make check; with CASES a fresh seed and no time limit.
diff:
	@VM_LIMIT=$(if $(CASES),86400,300) tests/stress/diff/run $(KERNEL) \
		$(if $(CASES),--seed $(or $(SEED),fresh) --cases $(CASES))

# Without MINUTES the same as in make check; with MINUTES a fresh seed unless SEED is set.
fuzz:
	@VM_LIMIT=$(if $(MINUTES),86400,300) tests/stress/fuzz/run $(KERNEL) \
		$(if $(MINUTES),--seed $(or $(SEED),fresh) \
			--seconds $$(($(MINUTES) * 60)))

soak:
	@tests/lab/deps build vm
	@tests/stress/soak/run $(KERNEL) $(or $(MINUTES),60)

# On the oldest kernel and the newest. Charts and figures go to build/bench/.
bench:
	@tests/lab/deps build vm bench
	@tests/bench/all $(KERNELS)

mutants:
	@tests/stress/diff/mutants $(MUTANTS_KERNEL) $(MUTANTS)

vm:
	@tests/lab/run $(KERNEL) $(TESTS)

demo:
	@tests/lab/deps build vm demo
	@tests/lab/demo.sh

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
