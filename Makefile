# paratest: `make` builds into build/, `make run` and `make test` also install what
# is missing.  Non-recursive; each program has its own link line, so that a call
# across layers fails to link.  V=debug|asan|cov picks another build folder.

V	?= release
B	:= build/$(if $(filter release,$(V)),obj,$(V))
BIN	:= build$(if $(filter release,$(V)),,/$(V)/bin)
CC	?= cc
PREFIX	?= /usr/local
# Where systemd looks; a package says PREFIX=/usr.
UNITDIR	?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
SYSCONFDIR ?= /etc
DOCDIR	?= $(PREFIX)/share/doc/paratest
MANDIR	?= $(PREFIX)/share/man
# What paratestd starts and nobody else; it looks beside itself and there.
HELPERDIR := $(PREFIX)/libexec/paratest
BASHDIR	?= $(PREFIX)/share/bash-completion/completions
ZSHDIR	?= $(PREFIX)/share/zsh/site-functions
FISHDIR	?= $(PREFIX)/share/fish/vendor_completions.d

VERSION	:= 0.1.0
PACKAGES := libevent_core msgpack libbsd-overlay libxxhash sqlite3 libzstd yaml-0.1 jansson \
	   libpcre2-8
GOALS	:= $(or $(MAKECMDGOALS),all)

# A clean, the set-up itself, the package and the help need no library here.
ifneq ($(filter-out clean deps help deb test-deb,$(GOALS)),)
ifneq ($(filter run test test-asan test-mcp bench bench-flaky,$(GOALS)),)
# These install what is missing before anything is looked up.
DEPS_DONE := $(shell sh tools/deps.sh install >&2 && echo yes)
else
DEPS_DONE := $(shell sh tools/deps.sh check >&2 && echo yes)
endif
ifneq ($(DEPS_DONE),yes)
$(error set-up is not complete; the line above says what to do)
endif
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES))
endif

WARN	:= -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	   -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wcast-qual \
	   -Wundef -Wvla -Wimplicit-fallthrough
CFLAGS_release := -O2 -g
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g3 -fsanitize=address,undefined -fno-omit-frame-pointer \
	   -fno-sanitize-recover=all
CFLAGS_cov := -O0 -g3 --coverage
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_cov := --coverage
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. $(PKG_CFLAGS) $(WARN) -fno-common \
	   -fstack-protector-strong -DPARATEST_VERSION='"$(VERSION)"' \
	   $(CFLAGS_$(V)) $(CFLAGS) $(if $(CI),-Werror)
ALL_LDFLAGS = $(LDFLAGS_$(V)) $(LDFLAGS)
LIBS_common := -levent_core -lmsgpackc -lbsd -lxxhash -lm
LIBS_supervisor := $(LIBS_common) -lyaml
LIBS_store := $(LIBS_common) -lsqlite3 -lzstd
LIBS_worker := $(LIBS_common) -lpcre2-8
LIBS_ctl := $(LIBS_common) -lyaml -ljansson -lpcre2-8

COMMON	:= $(patsubst %.c,$(B)/%.o,$(wildcard common/*.c))
POLICY	:= $(patsubst %.c,$(B)/%.o,$(wildcard supervisor/policy/*.c))
SUPERVISOR := $(patsubst %.c,$(B)/%.o,$(wildcard supervisor/*.c))
WORKER	:= $(patsubst %.c,$(B)/%.o,$(wildcard worker/*.c))
STORE	:= $(patsubst %.c,$(B)/%.o,$(wildcard store/*.c)) $(B)/store/sql.o
CTL	:= $(patsubst %.c,$(B)/%.o,$(wildcard ctl/*.c))
MCP	:= $(patsubst %.c,$(B)/%.o,$(wildcard mcp/*.c))
MCPSRV	:= $(patsubst %.c,$(B)/%.o,$(wildcard mcpsrv/*.c)) $(B)/mcpsrv/schemas.o
# What tests link: everything of a program but its main().
TESTED	:= $(COMMON) $(POLICY) $(filter-out %/main.o,$(SUPERVISOR)) \
	   $(filter-out %/main.o,$(WORKER)) $(filter-out %/main.o,$(STORE)) \
	   $(filter-out %/main.o,$(CTL)) $(MCP) $(filter-out %/main.o,$(MCPSRV))
PROGRAMS := $(BIN)/paratestd $(BIN)/paratest-worker $(BIN)/paratest-store $(BIN)/paratestctl \
	   $(BIN)/paratest-mcp

UNIT	:= $(patsubst tests/%.c,$(BIN)/tests/%,$(wildcard tests/unit/*.c tests/sim/sim_*.c))
SIM_LIB := $(patsubst %.c,$(B)/%.o,$(filter-out tests/sim/sim_%,$(wildcard tests/sim/*.c)))
INTEG	:= $(patsubst tests/%.c,$(BIN)/tests/%,$(wildcard tests/integ/test_*.c))
INTEG_LIB := $(patsubst %.c,$(B)/%.o,$(filter-out tests/integ/test_%,$(wildcard tests/integ/*.c)))
FAULT	:= $(patsubst tests/%.c,$(BIN)/tests/%,$(wildcard tests/fault/test_*.c))
PRELOADS := $(patsubst tests/%.c,$(BIN)/tests/%.so,$(wildcard tests/preload/*.c))
HELPERS	:= $(patsubst tests/%.c,$(BIN)/tests/%,$(wildcard tests/helpers/*.c))
CORPUS	:= $(patsubst tests/%.c,$(BIN)/tests/%,$(wildcard tests/flaky/*.c))
FUZZERS	:= $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY	:= $(patsubst %,$(BIN)/tests/fuzz/%,$(FUZZERS))
BENCHES	:= $(patsubst %.c,$(B)/%.o,$(wildcard bench/*.c))

.PHONY: all run test test-asan test-mcp test-systemd test-deb test-cgroup check-layers bench \
	bench-flaky bench-cgroup fuzz install deb clean deps help
.SECONDARY:
all: $(PROGRAMS)

help:
	@sed -n 's/^#: //p' Makefile

#: make            build the programs into build/
#: make run        install what is missing, build, run the example suite
#: make test       install what is missing, build, run every test
#: make test-asan  the same, with AddressSanitizer and UBSan
#: make test-mcp   the official MCP conformance suite and clients (needs npm)
#: make test-systemd  the units on a real systemd, in a container (root)
#: make test-deb   the Debian package: built, checked, installed and removed there (root)
#: make test-cgroup   limits with the controllers of a kernel of its own, in a VM (root)
#: make bench      speed against the floor and the peers, as ratios
#: make bench-cgroup  the start at each level of isolation, on an emulated machine (root)
#: make bench-flaky   flake detection on programs whose flaws are known, ten minutes
#: make fuzz SECONDS=60   every fuzz target for so long (needs clang)
#: make install PREFIX=/usr/local DESTDIR=
#: make deb        a Debian package, in build/deb
#: make deps       only install what is missing
#: make clean
deps:
	@sh tools/deps.sh install

$(BIN)/paratestd: $(SUPERVISOR) $(POLICY) $(COMMON)
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_supervisor)
$(BIN)/paratest-worker: $(WORKER) $(COMMON)
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_worker)
$(BIN)/paratest-store: $(STORE) $(COMMON)
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_store)
$(BIN)/paratestctl: $(CTL) $(COMMON)
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_ctl)
$(BIN)/paratest-mcp: $(MCPSRV) $(MCP) $(filter-out %/main.o,$(CTL)) $(COMMON)
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_ctl)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo '  CC $<'
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The schema and its migrations as strings of C.
$(B)/store/sql.c: store/schema.sql $(wildcard store/migrations/*.sql) tools/sql.sh
	@mkdir -p $(@D)
	@sh tools/sql.sh > $@
$(B)/store/sql.o: $(B)/store/sql.c
	@$(CC) $(ALL_CFLAGS) -Wno-overlength-strings -MMD -MP -c -o $@ $<

# The schemas of the MCP tools likewise.
$(B)/mcpsrv/schemas.c: $(wildcard mcpsrv/schemas/*.json) tools/schemas.sh
	@mkdir -p $(@D)
	@sh tools/schemas.sh > $@
$(B)/mcpsrv/schemas.o: $(B)/mcpsrv/schemas.c
	@$(CC) $(ALL_CFLAGS) -Wno-overlength-strings -MMD -MP -c -o $@ $<

# ---- tests ----
LIBS_tests := $(LIBS_ctl) $(LIBS_store) -lcmocka
$(B)/tested.a: $(TESTED)
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^
# Unit tests and simulations.
$(BIN)/tests/%: $(B)/tests/%.o $(B)/tested.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_tests)
$(filter $(BIN)/tests/sim/%,$(UNIT)): $(SIM_LIB)
$(INTEG): $(BIN)/tests/integ/%: $(B)/tests/integ/%.o $(INTEG_LIB) $(B)/tested.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_tests)
# Those whose memory and processes are counted: a sanitizer has some of its own.
$(addprefix $(BIN)/tests/helpers/,hog bomb): $(BIN)/tests/helpers/%: tests/helpers/%.c Makefile
	@mkdir -p $(@D)
	@echo '  CC $@'
	@$(CC) $(filter-out -fsanitize=% --coverage,$(ALL_CFLAGS)) -o $@ $<
$(BIN)/tests/helpers/%: $(B)/tests/helpers/%.o
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) -o $@ $^
# An MCP server of the core alone, which the protocol's own test suite asks.
$(BIN)/tests/mcp/fixture: $(B)/tests/mcp/fixture.o $(B)/tests/mcp/fixture_data.o $(MCP) $(COMMON)
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_ctl)
# Flaky on purpose; never with sanitizers, which change what they measure.
$(BIN)/tests/flaky/%: tests/flaky/%.c tests/flaky/flaky.h Makefile
	@mkdir -p $(@D)
	@echo '  CC $@'
	@$(CC) $(filter-out -fsanitize=% --coverage,$(ALL_CFLAGS)) -pthread -o $@ $< -lm
# Loaded before libc into a program that is to die at a step.
$(BIN)/tests/preload/%.so: tests/preload/%.c Makefile
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(filter-out -fsanitize=%,$(ALL_CFLAGS)) -fPIC -shared -o $@ $< -ldl
# What the linker leads past tests/fault/fault.c, where it can be made to fail.
FAULT_WRAP := malloc calloc realloc reallocarray strdup strndup asprintf pwrite \
	      renameat posix_spawn
$(BIN)/tests/fault/%: $(B)/tests/fault/%.o $(B)/tests/fault/fault.o $(B)/tested.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) $(FAULT_WRAP:%=-Wl,--wrap=%) -o $@ $^ $(LIBS_tests)
# A fuzz target as a plain program that replays its corpus.
$(BIN)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(B)/tested.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_tests)

test: $(PROGRAMS) $(UNIT) $(FAULT) $(INTEG) $(HELPERS) $(CORPUS) $(PRELOADS) $(REPLAY) \
    $(BIN)/tests/mcp/fixture check-layers
	@BIN=$(BIN) V=$(V) sh tests/run.sh $(UNIT) $(FAULT) $(REPLAY) $(INTEG) tests/install.sh
test-asan:
	@$(MAKE) --no-print-directory V=asan test
test-mcp: $(PROGRAMS) $(BIN)/tests/mcp/fixture
	@BIN=$(BIN) sh tests/mcp/run.sh
test-systemd: all
	@sh tests/systemd/boot.sh
test-deb:
	@sh tests/deb/run.sh
test-cgroup: all $(BIN)/tests/helpers/hog $(BIN)/tests/helpers/bomb \
    $(BIN)/tests/helpers/burn_cpu
	@BIN=$(BIN) sh tests/cgroup/boot.sh
bench-cgroup: all $(BIN)/paratest-bench
	@BIN=$(BIN) sh tests/cgroup/boot.sh bench
check-layers: $(POLICY)
	@sh tests/lint/check-layers.sh
	@$(if $(filter release debug,$(V)),sh tests/lint/check-pure.sh $(POLICY))
	@sh tests/lint/check-wire.sh

SECONDS	?= 60
fuzz:
	@sh tests/fuzz/fuzz.sh "$(SECONDS)" $(FUZZERS)

# ---- use ----
run: all
	@$(BIN)/paratestctl run examples/demo.yaml

# BENCH: its words, such as '--quick floor'
bench: all $(BIN)/paratest-bench
	@$(BIN)/paratest-bench $(BENCH)
bench-flaky: all $(BIN)/paratest-bench $(CORPUS)
	@$(BIN)/paratest-bench $(BENCH) $(if $(filter flaky-rates,$(BENCH)),,flaky)
$(BIN)/paratest-bench: $(BENCHES) $(B)/tests/integ/hostile.o $(B)/tested.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_ctl) $(LIBS_store)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(HELPERDIR) $(DESTDIR)$(UNITDIR) \
	    $(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(TMPFILESDIR) $(DESTDIR)$(SYSCONFDIR)/paratest \
	    $(DESTDIR)$(DOCDIR)/examples $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 \
	    $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	install -m 755 $(BIN)/paratestd $(BIN)/paratestctl $(BIN)/paratest-mcp \
	    $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BIN)/paratest-worker $(BIN)/paratest-store $(DESTDIR)$(HELPERDIR)
	for u in paratestd.service paratestd.socket; do \
	    sed 's,/usr/bin/,$(PREFIX)/bin/,; s,/usr/share/doc/paratest,$(DOCDIR),' systemd/$$u \
		>$(DESTDIR)$(UNITDIR)/$$u && chmod 644 $(DESTDIR)$(UNITDIR)/$$u || exit; \
	done
	install -m 644 systemd/paratest.sysusers $(DESTDIR)$(SYSUSERSDIR)/paratest.conf
	install -m 644 systemd/paratest.tmpfiles $(DESTDIR)$(TMPFILESDIR)/paratest.conf
	[ -e $(DESTDIR)$(SYSCONFDIR)/paratest/paratestd.yaml ] || install -m 644 \
	    systemd/paratestd.yaml $(DESTDIR)$(SYSCONFDIR)/paratest/paratestd.yaml
	for p in man/*.[158]; do \
	    to=$(DESTDIR)$(MANDIR)/man$${p##*.}/$${p#man/}; \
	    sed 's,/usr/share/doc/paratest,$(DOCDIR),' $$p >$$to && chmod 644 $$to || exit; \
	done
	install -m 644 completions/paratestctl.bash $(DESTDIR)$(BASHDIR)/paratestctl
	install -m 644 completions/_paratestctl $(DESTDIR)$(ZSHDIR)
	install -m 644 completions/paratestctl.fish $(DESTDIR)$(FISHDIR)
	install -m 644 README.md docs/*.md $(DESTDIR)$(DOCDIR)
	install -m 644 examples/* $(DESTDIR)$(DOCDIR)/examples

deb:
	@sh tools/deps.sh install deb
	@sh tools/deb.sh

clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
