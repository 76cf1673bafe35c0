# SPDX-License-Identifier: MIT
# Tests: the rules of `make check` and its parts. The top Makefile includes this file.

# Enables all assertions of src/lib/os/assert.h, including the slow ones.
checks := -DPN_CHECKS=2

# Unit tests run once with each combination of compiler and sanitizer (a flavour). The slowest
# flavours come first, because two programs run at a time, and shall end at about the same time.
unit_flavours := gcc-tsan clang-tsan gcc-asan clang-asan gcc clang
asan_flags := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
tsan_flags := -O1 -fsanitize=thread
flavour_cc = $(firstword $(subst -, ,$1))
flavour_flags = $(if $(findstring asan,$1),$(asan_flags),$(if $(findstring tsan,$1),$(tsan_flags),-O2)) -g $(checks)
comma := ,
unit_names := $(patsubst test/unit/%.c,%,$(wildcard test/unit/*.c))
random_names := $(patsubst test/unit/%.c,%,$(shell grep -lw test_seed test/unit/*.c))

define unit_flavour
$(O)/unit/$1/lib/%.o: src/lib/%.c | $(O)/need/unit
	@mkdir -p $$(@D)
	@$(call flavour_cc,$1) $(call flavour_flags,$1) $(USER_CFLAGS) -MMD -MP -c -o $$@ $$<
$(O)/unit/$1/%: test/unit/%.c $(lib_sources:src/lib/%.c=$(O)/unit/$1/lib/%.o)
	@$(call flavour_cc,$1) $(call flavour_flags,$1) $(USER_CFLAGS) -Wno-missing-prototypes $(if $(filter gcc%,$1),-Wno-use-after-free -Wno-free-nonheap-object) -MMD -MP -MT $$@ \
		-MF $$@.d -o $$@ $$(filter %.c %.o,$$^) \
		$$(addprefix -Wl$$(comma)--wrap=,$$(shell sed -n 's/^ \* Wraps: //p' $$<)) $$$$(pkg-config --cflags --libs check)
unit_programs += $(unit_names:%=$(O)/unit/$1/%)
-include $(wildcard $(O)/unit/$1/*.d $(O)/unit/$1/lib/*/*.d)
endef
$(foreach flavour,$(unit_flavours),$(eval $(call unit_flavour,$(flavour))))

check-unit: $(unit_programs)
	@test/unit/run-flavours $(O) '$(unit_flavours)' '$(unit_names)'

# Runs the tests that make random operations, in each flavour, with SEEDS new random seeds.
SEEDS ?= 20
check-seeds: $(foreach flavour,$(unit_flavours),$(random_names:%=$(O)/unit/$(flavour)/%))
	@for i in $$(seq $(SEEDS)); do \
		export TEST_SEED=$$(od -An -N4 -tu4 /dev/urandom); echo "seed $$TEST_SEED"; \
		test/unit/run-flavours $(O) '$(unit_flavours)' '$(random_names)' || exit 1; \
	done

# Makes N small changes of the library, and lists those that no unit test notices. SEED repeats the
# changes of an earlier run, and FILES='src/lib/object/*' selects files.
.PHONY: check-mutations mutation-flags
N ?= 20
check-mutations: | $(O)/need/unit
	@test/mutations $(N) '$(SEED)' $(if $(FILES),'$(FILES)')
mutation-flags:
	@echo 'gcc $(call flavour_flags,gcc) $(USER_CFLAGS) -w -Isrc/lib -Itest/unit'

# Fuzzes the configuration and sequences of calls with libFuzzer, each for FUZZ_SECONDS seconds.
FUZZ_SECONDS ?= 30
library_fuzzers := $(patsubst test/fuzz/%.c,%,$(shell grep -lw LLVMFuzzerTestOneInput test/fuzz/*.c))
fuzz_flags := -O1 -g $(checks) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
$(O)/fuzz/lib/%.o: src/lib/%.c | $(O)/need/unit
	@mkdir -p $(@D)
	@clang $(fuzz_flags) $(USER_CFLAGS) -MMD -MP -c -o $@ $<
$(library_fuzzers:%=$(O)/fuzz/%): $(O)/fuzz/%: test/fuzz/%.c $(lib_sources:src/lib/%.c=$(O)/fuzz/lib/%.o)
	@clang $(fuzz_flags) -fsanitize=fuzzer $(USER_CFLAGS) -o $@ $^ \
		$(if $(filter configuration,$*),-Wl$(comma)--wrap=pn_sys_write)
-include $(wildcard $(O)/fuzz/lib/*/*.d)

check-fuzz: $(library_fuzzers:%=$(O)/fuzz/%)
	@test/fuzz/library $(O) $(FUZZ_SECONDS)

ifneq ($(wildcard test/preload/*.c),)
$(error $(wildcard test/preload/*.c): programs of the preload tests belong into test/preload/programs, or into test/preload/misuse if they end by abort)
endif
preload_programs := $(patsubst test/%.c,$(O)/test/%,$(wildcard test/preload/*/*.c))
$(O)/test/preload/%: test/preload/%.c test/lib/check.h test/preload/attacks/attack.h | $(O)/need/preload
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -g -Wall -Wextra -Werror -fno-builtin -pthread -Iinclude -o $@ $< -ldl

# Examples are built as a user would build them: against what `make install` has installed.
example_programs := $(patsubst examples/%/try.c,$(O)/examples/%/try,$(wildcard examples/*/try.c))
$(O)/stage/lib/libpinned.so: $(libpinned) $(shim) $(libpinned_static) $(O)/pinned-run include/pinned.h
	@$(MAKE) -s --no-print-directory install PREFIX='$(abspath $(O)/stage)' >/dev/null
$(O)/examples/%/try: examples/%/try.c $(wildcard examples/*/*.[ch] examples/common/*/*.[ch]) $(O)/stage/lib/libpinned.so | $(O)/need/preload
	@PKG_CONFIG_PATH='$(abspath $(O)/stage)/lib/pkgconfig' $(MAKE) -s --no-print-directory -C examples/$* O='$(abspath $(@D))'

check-preload: all bench-programs $(preload_programs) $(example_programs) | $(O)/need/preload
	@test/run --suite preload --timeout 300 $(wildcard test/preload/*.sh)
	@$(MAKE) -s --no-print-directory check-preload-checked

# Runs some preload tests again, with the library's assertions compiled in.
checked_tests := $(patsubst %,test/preload/%.sh,bash cxx allocation_works_until_the_end malloc_family_keeps_promises \
	every_form_of_fork_works git hardening_spares_correct_programs thread_keys_and_signals_work \
	memory_from_libc_can_be_freed limit_is_kept misuse_aborts_with_a_message perl python signal_handlers_may_fork sqlite \
	threads_leave_nothing_behind only_sizes_between_min_and_max)
.PHONY: check-preload-checked preload-programs
preload-programs: all $(preload_programs) | $(O)/need/preload
check-preload-checked:
	@$(MAKE) -s --no-print-directory O='$(O)/checked' CPPFLAGS='$(CPPFLAGS) $(checks)' preload-programs
	@PINNED_BUILD='$(abspath $(O)/checked)' test/run --suite preload --timeout 300 $(checked_tests)

check-abi: all | $(O)/need/build $(O)/need/unit $(O)/need/lint
	@test/run --suite abi --timeout 300 $(wildcard test/abi/*.sh)

# Proves arithmetic of the library, for all values, with CBMC. PROOF='NAME[/FUNCTION] ...' selects
# some. Not part of `make check`, because it takes a quarter of an hour.
.PHONY: check-proof coverage
check-proof: | $(O)/need/proof
	@test/proof/check $(PROOF)

# Which lines and branches the tests execute. PRELOAD='NAME ...' selects preload tests.
coverage: | $(O)/need/coverage $(O)/need/preload
	@test/coverage $(PRELOAD)

# Tests the installed packages; needs root. Not part of `make check`, because it needs Debian
# systems.
.PHONY: check-deb check-abi-old
check-deb: | $(O)/need/deb
	@test/deb/build-debs
	@test/run --suite deb --timeout 1500 $(wildcard test/deb/*.sh)

# Boots a whole system with the library in every process; needs root. Not part of `make check`.
.PHONY: check-system
check-system: | $(O)/need/system
	@test/system/check

# Does what the documents tell a newcomer to do, in a new Debian 13 in QEMU, and writes it down.
.PHONY: check-first-hour
check-first-hour: | $(O)/need/system
	@test/first-hour/check

# Compares the ABI with the packages of an earlier release, in the folder OLD.
check-abi-old: | $(O)/need/deb
	@test/deb/build-debs
	@test/deb/compare-abi '$(OLD)'

# Tests the packages in booted Debian systems, from the oldest to the newest. CELLS='NAME ...'
# selects some; see test/matrix/check.
.PHONY: check-matrix
check-matrix: | $(O)/need/matrix
	@test/matrix/check $(CELLS)

# Tests the machine owner's key on firmware with Secure Boot enabled; needs root.
.PHONY: check-secure-boot
check-secure-boot: | $(O)/need/secure-boot
	@test/secure-boot/check

kernel_names := $(patsubst test/kernel/%.c,%,$(wildcard test/kernel/*.c))
kernel_programs := $(kernel_names:%=$(O)/test/kernel/%)
kernel_test_modules := $(notdir $(patsubst %/,%,$(wildcard test/kernel/*/)))
kernel_test_headers := test/lib/guest.h include/uapi/pinned_mem.h examples/edu/edu.h examples/common/vfio/vfio.h \
	$(foreach module,$(kernel_test_modules),test/kernel/$(module)/$(module).h)
# The edu device's user-space driver, for tests that program a device.
edu_sources := examples/edu/edu.c examples/common/vfio/vfio.c
edu_includes := -Iexamples/edu -Iexamples/common/vfio
$(O)/test/kernel/%: test/kernel/%.c test/lib/guest.c $(edu_sources) $(kernel_test_headers) | $(O)/need/qemu
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread -Iinclude -Iinclude/uapi -Itest/lib $(edu_includes) \
		$(addprefix -Itest/kernel/,$(kernel_test_modules)) -o $@ $< test/lib/guest.c $(edu_sources)

# Tests of the library with the backend device: static programs, which run in the same guest.
device_names := $(patsubst test/device/%.c,%,$(wildcard test/device/*.c))
device_programs := $(device_names:%=$(O)/test/device/%)
$(O)/test/device/%: test/device/%.c test/lib/guest.c test/lib/guest.h include/pinned.h $(libpinned_static) | $(O)/need/qemu
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -Wno-unknown-warning-option -Wno-use-after-free -static -pthread -Iinclude \
		-Iinclude/uapi -Itest/lib -o $@ $< test/lib/guest.c $(libpinned_static)

# Tests and benchmarks for `pinnedctl selftest`, on a machine in use: those that change no setting,
# and expect nothing of other users of the driver. They use the shared library, as programs do.
selftests := device/contiguous_objects_are_one_run device/fork_moves_nothing_of_the_parent device/heap_limits_refuse \
	device/fork_never_translates_the_parents_memory device/v2p_agrees_with_pagemap kernel/mapping_is_huge \
	kernel/phys_matches_pagemap kernel/pin_by_direct_io kernel/pin_by_vmsplice kernel/sync_changes_no_byte
selftest_folder := $(O)/pinnedctl.d/selftest
define selftest_cc
	@mkdir -p $(@D)
	$(call run,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -std=gnu11 -D_FILE_OFFSET_BITS=64 -Wall -Wextra -Wno-unknown-warning-option \
		-Wno-use-after-free -pthread -Iinclude -Iinclude/uapi -Itest/lib -Ibench $(LDFLAGS) -o $@ $(filter %.c,$^) \
		-Wl,--as-needed $(libpinned) -ldl
endef
define selftest
$(selftest_folder)/tests/$(notdir $1): test/$1.c test/lib/guest.c test/lib/guest.h include/pinned.h include/uapi/pinned_mem.h $(libpinned)
	$$(selftest_cc)
endef
$(foreach test,$(selftests),$(eval $(call selftest,$(test))))
$(selftest_folder)/figures/%: bench/%.c bench/clock.h bench/suite/workload.h include/pinned.h $(libpinned)
	$(selftest_cc)
.PHONY: selftest-programs
selftest-programs: $(addprefix $(selftest_folder)/tests/,$(notdir $(selftests))) $(addprefix $(selftest_folder)/figures/,v2p bounce)

# Tests of devices behind an IOMMU, run by a user who is not root.
vfio_names := $(patsubst test/vfio/%.c,%,$(filter-out test/vfio/user.c,$(wildcard test/vfio/*.c)))
vfio_programs := $(vfio_names:%=$(O)/test/vfio/%)
vfio_sources := test/vfio/user.c test/lib/guest.c src/usdm/usdm.c $(edu_sources)
$(O)/test/vfio/%: test/vfio/%.c $(vfio_sources) test/vfio/user.h test/lib/guest.h include/pinned.h examples/edu/edu.h examples/common/vfio/vfio.h $(libpinned_static) | $(O)/need/qemu
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -Wno-unknown-warning-option -Wno-use-after-free -static -pthread -Iinclude \
		-Iinclude/uapi -Iinclude/usdm -Itest/lib $(edu_includes) -o $@ $< $(vfio_sources) $(libpinned_static)

vfio-programs: $(vfio_programs)

check-vfio: all | $(O)/need/kernels $(O)/need/devices $(O)/need/programs
	@test/check-devices vfio virtio-crypto-vfio

# Makes random calls of everything that user space can ask of the driver.
fuzzer := $(O)/test/fuzz/driver
$(fuzzer): $(filter-out $(library_fuzzers:%=test/fuzz/%.c),$(wildcard test/fuzz/*.[ch])) test/lib/faults.c test/lib/faults.h test/lib/guest.c test/lib/guest.h include/uapi/pinned_mem.h | $(O)/need/qemu
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread -Iinclude -Iinclude/uapi -Itest/lib -o $@ $(filter %.c,$^)

check-qemu: all $(kernel_programs) $(device_programs) $(preload_programs) $(example_programs) $(fuzzer) | $(O)/need/qemu $(O)/need/preload $(O)/need/programs
	@test/qemu/check $(fuzzer) $(kernel_programs) $(device_programs)

# Runs many more unmodified programs on the device backend, and pinnedctl selftest.
.PHONY: check-programs
check-programs: all selftest-programs $(preload_programs) $(example_programs) | $(O)/need/qemu $(O)/need/preload $(O)/need/programs
	@test/qemu/check-programs test/qemu/on-device-long --host \
		"pinnedctl_selftest=cd $(CURDIR) && PINNED_RESULTS=/tmp/results test/run --suite device --timeout 800 test/device/pinnedctl_selftest.sh"

# Tests that need a kernel with fault injection, which makes allocations fail.
debug_names := $(patsubst test/kernel-debug/%.c,%,$(wildcard test/kernel-debug/*.c))
debug_programs := $(debug_names:%=$(O)/test/kernel-debug/%)
$(O)/test/kernel-debug/%: test/kernel-debug/%.c test/lib/nth.c test/lib/nth.h test/lib/faults.c test/lib/faults.h test/lib/guest.c $(kernel_test_headers) | $(O)/need/qemu
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread -Iinclude -Iinclude/uapi -Itest/lib \
		$(addprefix -Itest/kernel/,$(kernel_test_modules)) -o $@ $(filter %.c,$^)

check-debug-kernel: $(kernel_programs) $(device_programs) $(debug_programs) $(fuzzer) | $(O)/need/debug-kernel
	@test/qemu/check-debug $(fuzzer) $(debug_programs) $(kernel_programs) $(device_programs)

guest-programs: $(kernel_programs) $(device_programs)

check-kernels: | $(O)/need/kernels
	@test/qemu/check-kernels $(CELLS)

# Runs all levels of tests, and prints the sum over all levels as the last line.
# First asks for the packages of all levels, so that a missing one is named at once.
check_needs := build unit lint preload qemu programs
check:
	@test/need $(foreach set,$(check_needs),$(if $(wildcard $(O)/need/$(set)),,$(set)))
	@test/check

# Runs every level and every cell at this commit, and prints a table. It takes hours, and needs root
# and the network; what has passed at this commit is not run again. ONLY='LEVEL LEVEL/CELL' selects.
.PHONY: check-all
check-all:
	@test/check-all $(ONLY)

demo: all | $(O)/need/qemu $(O)/need/programs
	@examples/edu/demo/run

demo-vfio: all | $(O)/need/qemu $(O)/need/programs
	@examples/edu/demo/run vfio

# Tests user-space drivers with devices that QEMU emulates; each prints its results and counts.
check-devices: all | $(O)/need/kernels $(O)/need/devices $(O)/need/programs
	@test/check-devices $(DEVICES)

# Compiles the document's programs for Rust and Go, and runs the examples in C++ and Python on a
# device. Not part of `make check`, because the compilers are large.
.PHONY: check-languages
check-languages: all | $(O)/need/qemu $(O)/need/languages
	@test/languages/check

demo-openssl: all | $(O)/need/qemu $(O)/need/devices
	@examples/virtio-crypto/demo/run

demo-packets: all | $(O)/need/qemu $(O)/need/devices
	@examples/e1000/demo/run

demo-dpdk: all | $(O)/need/qemu $(O)/need/devices
	@examples/e1000/demo/run dpdk

# The second guest of this demo runs the kernel of another Debian suite.
demo-storage: all | $(O)/need/kernels $(O)/need/devices
	@examples/storage/demo/run

$(O)/bench/kernel: bench/kernel.c test/lib/guest.c test/lib/guest.h include/uapi/pinned_mem.h | $(O)/need/qemu
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread -Iinclude -Iinclude/uapi -Itest/lib -o $@ $(filter %.c,$^)

bench-kernel: $(O)/bench/kernel
	@bench/kernel $<

# Runs one test, of any level.
.PHONY: check-one example-programs
example-programs: $(example_programs)
check-one:
	@test/check-one '$(TEST)'

# Lists the source of each test that a level runs.
.PHONY: list-tests
list-tests:
	@printf '%s\n' $(wildcard test/abi/*.sh test/deb/*.sh test/device/*.sh test/devices/* test/preload/*.sh) \
		$(wildcard test/preload/programs/*.c test/preload/misuse/*.c test/preload/attacks/*.c test/fuzz/*.c test/proof/*.c) \
		$(unit_names:%=test/unit/%.c) $(kernel_names:%=test/kernel/%.c) $(debug_names:%=test/kernel-debug/%.c) \
		$(device_names:%=test/device/%.c) $(vfio_names:%=test/vfio/%.c) \
		test/first-hour/check test/languages/check test/matrix/check test/secure-boot/check test/system/check $(wildcard test/system/boots/* test/system/checks/*)

.PHONY: lint-offline
lint: all | $(O)/need/lint
	@test/lint/run

lint-offline: all | $(O)/need/lint
	@test/lint/run --offline
