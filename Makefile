# SPDX-License-Identifier: MIT
# The top Makefile of pinned-mem. `make help` lists the targets.

VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
O := build
top := $(CURDIR)

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
SYSCONFDIR ?= $(PREFIX)/etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
# The folder from which pinned-run preloads the library; may contain $LIB of ld.so(8).
PRELOAD_DIR ?= $(LIBDIR)/pinned-mem
DESTDIR ?=
# Kernel headers to build the module against. Build systems for devices set KERNEL_SRC.
KERNEL_SRC ?= /lib/modules/$(shell uname -r)/build
KDIR ?= $(KERNEL_SRC)

ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)$(if $(CROSS_COMPILE),gcc,cc)
endif
ifeq ($(origin AR),default)
AR := $(CROSS_COMPILE)ar
endif
OBJCOPY ?= $(CROSS_COMPILE)objcopy
CFLAGS ?= -O2 -g
# WERROR=1 makes warnings errors. CI sets it; a newer compiler's warning must not fail a user's build.
WERROR ?=
WARNINGS := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes $(if $(filter 1,$(WERROR)),-Werror)
INCLUDES := -Iinclude -Iinclude/uapi -Isrc/lib
# -fno-builtin-malloc: else the compiler treats the allocator's own functions as the C library's.
# -funwind-tables: else, on ARM, the call stacks of a heap profile end inside the library.
USER_CFLAGS := -std=gnu11 -D_FILE_OFFSET_BITS=64 $(WARNINGS) -fPIC -fvisibility=hidden -fno-builtin-malloc -fno-plt -funwind-tables -pthread $(INCLUDES) $(COVERAGE)

# `$(call run,CC)COMMAND` runs the command, and prints a short line instead of the command unless V=1.
silent := $(findstring s,$(firstword -$(MAKEFLAGS)))
run = $(if $(filter 1,$(V)),,@$(if $(silent),,printf '  %-7s %s\n' '$1' '$(@:$(top)/%=%)';))

lib_sources := $(wildcard src/lib/*/*.c)
shim_sources := $(wildcard src/shim/*.c)
lib_objects := $(lib_sources:src/%.c=$(O)/obj/%.o)
shim_objects := $(shim_sources:src/%.c=$(O)/obj/%.o)
# The shim consists of the library's objects, with another flavour.o, and the malloc family.
shim_lib_objects := $(filter-out %/flavour.o,$(lib_objects))

libpinned := $(O)/lib/libpinned.so.1
libpinned_static := $(O)/lib/libpinned.a
shim := $(O)/lib/libmalloc-pinned.so
usdm := $(O)/lib/libusdm_pinned.so.1

.PHONY: all help modules modules_install install uninstall dist doc clean check check-unit check-seeds check-fuzz check-preload check-qemu check-kernels check-debug-kernel check-abi check-devices check-vfio guest-programs vfio-programs demo demo-dpdk demo-openssl demo-packets demo-storage demo-vfio lint deb deb-source bench-kernel
all: $(libpinned) $(libpinned_static) $(shim) $(usdm) $(O)/lib/libpinned.so $(O)/pinned-run $(O)/pinnedctl

help:
	@echo 'make            libpinned, libmalloc-pinned and the tools, into $(O)/'
	@echo 'make modules    pinned_mem.ko for the kernel headers in KDIR=$(KDIR)'
	@echo 'make modules_install   puts it below INSTALL_MOD_PATH=...'
	@echo 'make install    into DESTDIR=... PREFIX=$(PREFIX) LIBDIR=$(LIBDIR)'
	@echo 'make selftest-programs  the tests of pinnedctl selftest, which make install then installs, too'
	@echo 'make uninstall  removes what `make install` with the same variables installs'
	@echo 'make dist       the sources as $(O)/pinned-mem-$(VERSION).tar.gz'
	@echo 'make doc        a web site of documents and manual pages, in $(O)/doc/html; needs Sphinx and mandoc'
	@echo 'make deb        Debian packages, into the directory above'
	@echo 'make deb-source the Debian source package and its upstream tarball, into the directory above'
	@echo 'make clean      removes $(O)/, except the cache of fetched packages'
	@echo 'These need a C compiler, make and glibc, and install nothing. CROSS_COMPILE=, ARCH=, CC= and'
	@echo 'CFLAGS= have their usual meanings; V=1 prints commands; WERROR=1 makes warnings errors.'
	@echo
	@echo 'All targets below install Debian packages that they need, and say so first; without root they'
	@echo 'print the command.'
	@echo
	@echo 'Demos boot a kernel in QEMU, and run unmodified programs on pinned memory:'
	@echo 'make demo          python3, sqlite3, tar, perl and gzip, whose buffers a device reads'
	@echo 'make demo-vfio     the same with the device behind an IOMMU, and programs without root'
	@echo 'make demo-openssl  openssl, nginx and curl with a crypto card'
	@echo 'make demo-packets  tcpreplay, tcpdump, nping and arping with a network card'
	@echo 'make demo-dpdk     DPDK with frames that are objects from malloc'
	@echo 'make demo-storage  fio, ibv_rc_pingpong and perftest with disks and RDMA'
	@echo
	@echo 'Tests:'
	@echo 'make check      check-abi, check-unit, check-fuzz, check-preload and check-qemu'
	@echo 'make check-all  every level and matrix at this commit, resumable, with one table; as root, many hours; ONLY=... selects'
	@echo 'make check-one TEST=level/name  one test of any level; without TEST, the levels'
	@echo 'make lint       formatting, shell, spelling, prose, layers, places, dead code; the kernel checkers'
	@echo 'make lint-offline  the part of it that needs no network'
	@echo 'make check-programs      more unmodified programs on the device backend, in guests'
	@echo 'make check-proof                   CBMC proves arithmetic of the allocator; PROOF=... selects'
	@echo 'make coverage                      lines and branches that unit, fuzz and preload tests execute'
	@echo 'make check-seeds SEEDS=20          the unit tests with random operations, with other seeds'
	@echo 'make check-mutations N=20 SEED=... small changes of the library that no unit test notices'
	@echo 'make check-fuzz FUZZ_SECONDS=30    libFuzzer on the configuration and on sequences of calls'
	@echo 'make check-devices DEVICES=...     devices of QEMU under unmodified programs; test/devices has their names'
	@echo 'make check-vfio          devices behind an IOMMU through VFIO, without root, on amd64 and arm64'
	@echo 'make check-languages     the library from Rust, Go, C++ and Python, with a device in a guest'
	@echo 'make check-kernels       the driver on Debian kernels from 5.10 to the newest, amd64 and arm64; as root'
	@echo 'make check-debug-kernel  the driver on a kernel with all debugging checks, which is built first'
	@echo 'make check-deb           the packages: built twice alike, lintian, installed, upgraded, purged; as root'
	@echo 'make check-system        a whole Debian system with the library in every process; as root, an hour'
	@echo 'make check-first-hour    installs and uses it in a new Debian 13 as the documents say; as root, half an hour'
	@echo 'make check-matrix        the packages in booted Debian systems; as root, hours; CELLS=... selects some'
	@echo 'make check-secure-boot   the driver refused by Secure Boot, its key enrolled, the driver loaded; as root'
	@echo
	@echo 'Benchmarks print ratios:'
	@echo 'make bench          allocators and translations; BENCH=--help lists the options'
	@echo 'make bench-in       the allocators of another Debian suite: SUITE=trixie, SUITE=sid'
	@echo 'make report-lines   which functions write to cache lines that threads share'
	@echo 'make bench-smoke    a little of each, in seconds'
	@echo 'make bench-patterns memory held when the use of memory changes, in eight minutes'
	@echo 'make bench-device   the suite on memory from the driver, in a guest'
	@echo 'make bench-devices  the examples of devices, with copied buffers and in place, in guests'
	@echo 'make bench-runtimes  which memory of Python, Node, Java, Go and others is pinned'
	@echo 'make bench-kernel   the driver compared with huge pages and an ordinary heap, in a guest'

.SECONDARY:

$(O)/need/%: test/need
	@test/need $*
	@mkdir -p $(@D) && touch $@

# Names what is missing, in one line, before the first compilation.
$(O)/can-build: src/tools/can-build
	@src/tools/can-build '$(CC)' '$(AR)' '$(OBJCOPY)'
	@mkdir -p $(@D) && touch $@
# Targets of tests install the compiler, too, before they build anything.
ifneq ($(filter check% demo% lint% bench%,$(MAKECMDGOALS)),)
$(O)/can-build: | $(O)/need/build
endif

$(O)/obj/%.o: src/%.c | $(O)/can-build
	@mkdir -p $(@D)
	$(call run,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(USER_CFLAGS) -MMD -MP -c -o $@ $<

# See src/lib/os/announce.c.
$(O)/obj/lib/os/announce.o: USER_CFLAGS += -fplt

$(libpinned): $(lib_objects) src/lib/libpinned.map
	@mkdir -p $(@D)
	$(call run,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -shared -pthread -Wl,-z,defs,-z,now,-z,relro,-z,nodelete -Wl,-soname,libpinned.so.1 \
		-Wl,--version-script=src/lib/libpinned.map -o $@ $(lib_objects)

$(O)/lib/libpinned.so: $(libpinned)
	@ln -sf libpinned.so.1 $@

# The static library is one relocatable object whose hidden symbols are made local, so that only
# public symbols are visible.
$(libpinned_static): $(lib_objects)
	@mkdir -p $(@D)
	$(call run,AR)$(CC) $(CFLAGS) -nostdlib -r -o $(O)/obj/libpinned.o $(lib_objects) && \
		$(OBJCOPY) --localize-hidden $(O)/obj/libpinned.o && rm -f $@ && $(AR) rcs $@ $(O)/obj/libpinned.o

# The shim exports libpinned's interface and has libpinned's soname; see doc/design.md. Its version
# script omits `local: *`, so that the malloc family is exported too, unversioned.
$(O)/obj/libmalloc-pinned.map: src/lib/libpinned.map
	@mkdir -p $(@D)
	@sed '/^local:/,/\*;/d' $< >$@

$(shim): $(shim_lib_objects) $(shim_objects) $(O)/obj/libmalloc-pinned.map
	@mkdir -p $(@D)
	$(call run,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -shared -pthread -Wl,-z,now,-z,relro,-z,nodelete -Wl,-soname,libpinned.so.1 \
		-Wl,--version-script=$(O)/obj/libmalloc-pinned.map -o $@ $(shim_lib_objects) $(shim_objects) -ldl

# USDM's names. The library is linked to libpinned, and under the shim uses the shim's instance.
$(O)/obj/usdm/%.o: USER_CFLAGS += -Iinclude/usdm
$(usdm): $(O)/obj/usdm/usdm.o src/usdm/libusdm_pinned.map $(O)/lib/libpinned.so
	$(call run,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -shared -pthread -Wl,-z,defs,-z,now,-z,relro -Wl,-soname,libusdm_pinned.so.1 \
		-Wl,--version-script=src/usdm/libusdm_pinned.map -o $@ $< -L$(O)/lib -lpinned

$(O)/pinned-run: src/tools/pinned-run dkms.conf
	@mkdir -p $(@D)
	$(call run,GEN)sed 's,@VERSION@,$(VERSION),' $< >$@ && chmod +x $@

# A program that reads the configuration file with the library's own parser.
read_config_objects := $(patsubst %,$(O)/obj/lib/%.o,config/conffile config/config os/confined os/die os/sys)
$(O)/pinnedctl.d/read-config: src/tools/read-config.c $(read_config_objects)
	@mkdir -p $(@D)
	$(call run,LINK)$(CC) $(CPPFLAGS) $(CFLAGS) $(USER_CFLAGS) $(LDFLAGS) -o $@ $^

# The descriptions of the driver's parameters, taken from its source, one per line.
$(O)/pinnedctl.d/parameters: src/tools/list-parameters $(wildcard src/kernel/*.c)
	@mkdir -p $(@D)
	$(call run,GEN)src/tools/list-parameters src/kernel/*.c >$@

$(O)/pinnedctl: src/tools/pinnedctl $(wildcard src/tools/pinnedctl.d/*.py) $(O)/pinnedctl.d/read-config $(O)/pinnedctl.d/parameters dkms.conf
	@mkdir -p $(@D)/pinnedctl.d
	@cp src/tools/pinnedctl.d/*.py $(@D)/pinnedctl.d/
	$(call run,GEN)sed 's,@VERSION@,$(VERSION),' $< >$@ && chmod +x $@

pkgconfig_files := $(addprefix $(O)/obj/,libpinned.pc libmalloc-pinned.pc libusdm-pinned.pc pinned-mem.pc)
$(O)/obj/libpinned.pc: src/lib/libpinned.pc.in
$(O)/obj/libmalloc-pinned.pc: src/tools/pkgconfig/libmalloc-pinned.pc.in
$(O)/obj/libusdm-pinned.pc: src/usdm/libusdm-pinned.pc.in
$(O)/obj/pinned-mem.pc: src/tools/pkgconfig/pinned-mem.pc.in
$(pkgconfig_files): dkms.conf FORCE
	@mkdir -p $(@D)
	@sed 's,@PREFIX@,$(PREFIX),; s,@LIBDIR@,$(LIBDIR),; s,@VERSION@,$(VERSION),' $(filter %.pc.in,$^) >$@

# Builds the module in a copy of the source for each kernel, so that the tree stays clean.
modules:
	@W='$(W)' MODULE_BUILD='$(abspath $(O))/modules' src/kernel/build-module '$(KDIR)'

modules_install: modules
	@W='$(W)' MODULE_BUILD='$(abspath $(O))/modules' src/kernel/build-module '$(KDIR)' modules_install

# Variables of src/tools/install-files and src/tools/uninstall-files.
places = VERSION='$(VERSION)' PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' SYSCONFDIR='$(SYSCONFDIR)' UNITDIR='$(UNITDIR)' \
	PRELOAD_DIR='$(PRELOAD_DIR)' DESTDIR='$(DESTDIR)' O='$(O)'

install: all $(pkgconfig_files)
	$(call run,INSTALL)$(places) src/tools/install-files

uninstall: all $(pkgconfig_files)
	@$(places) src/tools/uninstall-files

dist:
	@src/tools/make-tarball '$(VERSION)' '$(O)'

clean:
	$(call run,CLEAN)if [ -d $(O) ]; then find $(O) -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +; fi

# A web site of the documents and manual pages.
doc:
	@doc/site/build '$(abspath $(O))/doc'

deb:
	dpkg-buildpackage -us -uc -b

deb-source: dist
	cp '$(O)/pinned-mem-$(VERSION).tar.gz' '../pinned-mem_$(VERSION).orig.tar.gz'
	dpkg-buildpackage -us -uc -S

-include $(lib_objects:.o=.d) $(shim_objects:.o=.d) $(O)/obj/usdm/usdm.d
include test/check.mk
include bench/bench.mk

.PHONY: FORCE
FORCE:
