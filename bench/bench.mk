# SPDX-License-Identifier: MIT
# Builds and runs the benchmarks. The top Makefile includes this file.

bench_bin := $(O)/bench/bin
bench_flags := -std=gnu11 -O2 -Wall -Wextra -Werror -pthread
bench_suite := $(patsubst bench/suite/%.c,$(bench_bin)/suite/%,$(wildcard bench/suite/*.c))
bench_suite_cxx := $(patsubst bench/suite/%.cc,$(bench_bin)/suite/%,$(wildcard bench/suite/*.cc))
bench_plain := $(addprefix $(bench_bin)/,micro touch edges patterns load measure)
bench_translating := $(addprefix $(bench_bin)/,v2p bounce)
bench_programs := $(bench_suite) $(bench_suite_cxx) $(bench_plain) $(bench_translating)

# Without -fno-builtin the compiler would remove allocations whose memory is not used.
$(bench_suite): $(bench_bin)/suite/%: bench/suite/%.c bench/suite/workload.h bench/suite/sh.h | $(O)/need/build
	@mkdir -p $(@D)
	$(CC) $(bench_flags) -fno-builtin -o $@ $<

# The workloads that are published in C++ call operators new and delete.
$(bench_suite_cxx): $(bench_bin)/suite/%: bench/suite/%.cc bench/suite/workload.h bench/suite/larson.h bench/suite/cache.h | $(O)/need/build
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 $(filter-out -std=%,$(bench_flags)) -fno-builtin -fsized-deallocation -o $@ $<

$(bench_plain): $(bench_bin)/%: bench/%.c bench/clock.h bench/suite/workload.h | $(O)/need/build
	@mkdir -p $(@D)
	$(CC) $(bench_flags) -fno-builtin $(if $(filter measure,$*),-static) -o $@ $<

$(bench_translating): $(bench_bin)/%: bench/%.c bench/clock.h bench/suite/workload.h include/pinned.h $(O)/lib/libpinned.so
	@mkdir -p $(@D)
	$(CC) $(bench_flags) -Iinclude -o $@ $< -L$(O)/lib -lpinned -ldl -Wl,-rpath,$(abspath $(O)/lib)

.PHONY: bench bench-in bench-device bench-devices bench-dma bench-rseq bench-smoke bench-programs
bench-programs: all $(bench_programs)

# BENCH='--rounds 9 --only redis' passes options to bench/run; see bench/run --help.
bench: bench-programs | $(O)/need/bench
	@bench/run $(BENCH)

# Compares the allocators of another Debian suite, glibc among them: make bench-in SUITE=sid
bench-in: bench-programs | $(O)/need/kernels
	@test/qemu/in-suite '$(SUITE)' python3 libjemalloc2 libmimalloc3 libtcmalloc-minimal4t64 -- \
		bench/run --only 'suite/*' --only 'micro/*' --only 'edges/*' --output '$(O)/bench/$(SUITE)' $(BENCH)

# Runs the same benchmarks on memory from the driver, in a guest.
bench-device: bench-programs | $(O)/need/qemu
	@bench/device $(BENCH)

# Compares a per-CPU cache with a per-thread cache; see doc/decisions.md.
$(bench_bin)/rseq: bench/rseq.c bench/clock.h | $(O)/need/build
	@mkdir -p $(@D)
	$(CC) $(bench_flags) -o $@ $<

bench-rseq: $(bench_bin)/rseq
	@$<

# Compares the memory that programs hold whose use of memory changes. Takes about eight minutes.
.PHONY: bench-patterns
bench-patterns: all $(bench_bin)/patterns
	@bench/patterns '$(O)'

# Compares pinned_dma_addr() with pinned_v2p(). Links the library's own objects, so that the program
# can answer requests to VFIO itself.
$(bench_bin)/dma: bench/dma.c bench/clock.h include/pinned.h $(lib_objects)
	@mkdir -p $(@D)
	$(CC) $(bench_flags) -Iinclude -Wl,--wrap=pn_sys_ioctl -o $@ $< $(lib_objects)

bench-dma: $(bench_bin)/dma
	@PINNED_CONF=backend:anon $< </dev/null

# Runs every benchmark once, with little work, and with the programs that happen to be installed.
bench-smoke: bench-programs
	@bench/run --smoke $(BENCH)

# Measures the examples' drivers with and without copies, in a guest whose clock counts
# instructions. Like the examples themselves, the programs are built against what `make install` has
# installed.
bench_devices := $(addprefix $(bench_bin)/devices/,crypto packets disk)
bench_devices_driver := $(addprefix examples/common/,pci/pci.c vfio/vfio.c why.c)
bench_devices_driver_crypto := $(addprefix examples/virtio-crypto/,virtio_crypto.c virtio_crypto_data.c virtqueue.c virtio_pci.c) \
	$(bench_devices_driver)
bench_devices_driver_packets := examples/e1000/e1000.c $(bench_devices_driver)
.SECONDEXPANSION:
$(bench_devices): $(bench_bin)/devices/%: bench/devices/%.c bench/devices/meter.h bench/suite/workload.h $$(bench_devices_driver_$$*) \
		$(wildcard examples/*/*.h examples/common/*/*.h) $(O)/stage/lib/libpinned.so | $(O)/need/build
	@mkdir -p $(@D)
	$(CC) $(bench_flags) -I$(O)/stage/include -o $@ $(filter %.c,$^) -L$(O)/stage/lib -lpinned

bench-devices: all $(bench_devices) $(bench_bin)/bounce | $(O)/need/bench $(O)/need/qemu
	@bench/devices/run

# Counts who writes to which cache line. The library is compiled with ThreadSanitizer's calls, which
# a runtime of our own answers.
bench_lines := $(O)/bench/lines
$(bench_lines)/lib/%.o: src/lib/%.c | $(O)/need/build
	@mkdir -p $(@D)
	@$(CC) -O2 -g -fsanitize=thread $(USER_CFLAGS) -MMD -MP -c -o $@ $<
$(bench_lines)/work: bench/lines/work.c bench/lines/runtime.c bench/lines/lines.h bench/suite/workload.h \
		$(lib_sources:src/lib/%.c=$(bench_lines)/lib/%.o)
	$(CC) $(bench_flags) -g -Iinclude -no-pie -o $@ $(filter %.c %.o,$^)
-include $(wildcard $(bench_lines)/lib/*/*.d)

.PHONY: report-lines
report-lines: $(bench_lines)/work
	@bench/lines/report

# Which memory of a language's runtime is pinned under the shim.
.PHONY: bench-runtimes
bench-runtimes: all | $(O)/need/languages
	@bench/runtimes
