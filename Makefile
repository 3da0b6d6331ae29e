# Hopseal.  The lists follow the folders; "make help" names the targets.

PREFIX	?= /usr/local
SYSCONFDIR ?= /etc
O	?= build
RUN	?= run
RUN_OPTIONS ?=
FUZZ_SECONDS ?= 60
CC	?= cc
VERSION	:= 0.1.0

# ---------------------------------------------------------------- flags

WARN	= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wundef
HARDEN	?= -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
HARDEN_LD ?= -pie -Wl,-z,relro,-z,now
OPT	?= -O2 -g
SANITIZE ?=
DEFINES	= -D_GNU_SOURCE -DHOPSEAL_VERSION='"$(VERSION)"' \
	  -DHOPSEAL_SYSCONFDIR='"$(SYSCONFDIR)/hopseal"' \
	  -DHOPSEAL_BINDIR='"$(PREFIX)/bin"' \
	  -DHOPSEAL_LIBEXECDIR='"$(PREFIX)/libexec/hopseal"'
# Two builds of the same source are the same, wherever they are made.
REPRODUCIBLE = -ffile-prefix-map=$(CURDIR)=.
ALL_CFLAGS = -std=c11 $(WARN) $(WERROR) $(OPT) $(HARDEN) $(SANITIZE) \
	  $(REPRODUCIBLE) $(DEFINES) -I. -MMD -MP $(CFLAGS)
ALL_LDFLAGS = -Wl,--as-needed $(HARDEN_LD) $(SANITIZE) $(LDFLAGS)

# Which library belongs to whom: docs/architecture.md.
PURE_LIBS = -lidn2
IO_LIBS	= -levent_core -lhiredis $(PURE_LIBS)
POLICYD_LIBS = -levent_core -levent_extra -lhiredis -ljansson -lz -lcap $(PURE_LIBS)
SCOUT_LIBS = -levent_core -levent_openssl -lunbound -lcurl -lssl -lcrypto \
	  -lseccomp -lpthread $(PURE_LIBS)
CTL_LIBS = -ljansson -lz -lcrypto $(PURE_LIBS)
MILTER_LIBS = -lmilter -levent_core -lhiredis -ljansson -lz -lpthread \
	  $(PURE_LIBS)
ALL_LIBS = $(POLICYD_LIBS) $(SCOUT_LIBS) $(MILTER_LIBS)

# ---------------------------------------------------------------- sources

CLERK	= $(addprefix policyd/,clerk clerk/alert clerk/http clerk/ledger clerk/report)
FOLDERS	= shared shared/policy shared/postfix shared/tlsrpt shared/io \
	  policyd policyd/process policyd/front $(CLERK) policyd/scout ctl milter
sources	= $(foreach folder,$(1),$(wildcard $(folder)/*.c))
objects	= $(patsubst %.c,$(O)/%.o,$(call sources,$(1)))

PURE	:= $(call objects,shared shared/policy shared/postfix shared/tlsrpt)
IO	:= $(call objects,shared/io)
PROCESS	:= $(call objects,policyd/process)
POLICYD	:= $(call objects,policyd policyd/front $(CLERK)) \
	  $(O)/policyd/clerk/http/page_files.o
SCOUT	:= $(call objects,policyd/scout)
CTL	:= $(call objects,ctl)
MILTER	:= $(call objects,milter)
SHARED	= $(O)/libio.a $(O)/libpure.a

UNITS	:= $(patsubst tests/unit/%.c,$(O)/tests/%,$(wildcard tests/unit/test_*.c))
FUZZERS	:= $(patsubst tests/fuzz/%.c,$(O)/tests/%, \
	  $(filter-out %/fuzz_main.c,$(wildcard tests/fuzz/fuzz_*.c)))
BENCHES	:= $(patsubst tests/bench/%.c,$(O)/tests/bench/%, \
	  $(wildcard tests/bench/*.c))
PROGRAMS = $(O)/hopseal-policyd $(O)/hopseal-scout $(O)/hopseal-milter \
	  $(O)/hopseal
MANUALS	:= $(patsubst docs/%,$(O)/man/%,$(wildcard docs/*.[158]))

# One short line a file; V=1 shows the commands.
ifndef V
short	= @echo '  $(1)	$@';
endif

# ---------------------------------------------------------------- programs

all: $(PROGRAMS)

$(O)/hopseal-policyd: $(POLICYD) $(PROCESS) $(SHARED)
	$(call short,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(POLICYD_LIBS)
$(O)/hopseal-scout: $(SCOUT) $(PROCESS) $(SHARED)
	$(call short,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SCOUT_LIBS)
$(O)/hopseal-milter: $(MILTER) $(SHARED)
	$(call short,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(MILTER_LIBS)
$(O)/hopseal: $(CTL) $(SHARED)
	$(call short,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CTL_LIBS)

$(O)/libpure.a: $(PURE)
$(O)/libio.a: $(IO)
$(O)/libprocess.a: $(PROCESS)
$(O)/%.a:
	$(call short,AR)rm -f $@ && $(AR) rcsD $@ $^

$(O)/%.o: %.c $(O)/flags | $(O)/packages
	@mkdir -p $(@D)
	$(call short,CC)$(CC) $(ALL_CFLAGS) -c -o $@ $<
# The status page, built in.
PAGE	:= $(wildcard policyd/clerk/http/page/*)
$(O)/policyd/clerk/http/page_files.c: conf/embed $(PAGE)
	@mkdir -p $(@D)
	$(call short,PAGE)conf/embed $(PAGE) > $@
$(O)/policyd/clerk/http/page_files.o: $(O)/policyd/clerk/http/page_files.c $(O)/flags
	$(call short,CC)$(CC) $(ALL_CFLAGS) -c -o $@ $<
# Changed flags rebuild everything.
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(ALL_CFLAGS)' > $@
$(O)/packages: conf/packages conf/deps
	@mkdir -p $(@D)
	@CC='$(CC) $(CFLAGS)' conf/deps -n build && touch $@

-include $(patsubst %.c,$(O)/%.d,$(call sources,$(FOLDERS) docs tests/unit \
    tests/fuzz tests/bench))

# ---------------------------------------------------------------- manuals

# Samples, units and manuals speak of the default places.
PLACES	= sed -e 's|/usr/local/libexec|$(PREFIX)/libexec|g' \
	  -e 's|/usr/local/sbin|$(PREFIX)/sbin|g' -e 's|/etc/hopseal|$(SYSCONFDIR)/hopseal|g'

manuals: $(MANUALS)
$(O)/man/%: docs/% $(O)/flags
	@mkdir -p $(@D)
	$(call short,MAN)$(PLACES) $< >$@
# Its entries come from the table of options.
$(O)/man/hopseal.conf.5: docs/hopseal.conf.5 $(O)/docs/options $(O)/flags
	@mkdir -p $(@D)
	$(call short,MAN)$(PLACES) $< | $(O)/docs/options >$@.part
	@mv $@.part $@
$(O)/docs/options: $(O)/docs/options.o $(SHARED)
	$(call short,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(IO_LIBS)

# ---------------------------------------------------------------- tests

# A test links its own module and little more: the archives give what it names.
# The module of a program's own folder is linked by its name, with what it
# leaves to another one there.
with_alert_text = policyd/clerk/alert/alert_queue.c policyd/clerk/value_json.c
with_alert_watch = policyd/clerk/alert/alert_states.c \
	  policyd/clerk/value_json.c
with_cert_ends	= policyd/process/cert_ends.c
with_cert_states = policyd/clerk/cert_served.c policyd/clerk/value_json.c
with_cert_record = policyd/clerk/value_json.c
with_cert_watch = policyd/file_watch.c
with_own_promises = policyd/clerk/value_json.c
with_report_json = policyd/clerk/value_json.c
module	= $(patsubst %.c,$(O)/%.o,$(wildcard $(addsuffix /$(1).c, \
	  policyd policyd/front $(CLERK) policyd/scout ctl) \
	  $(patsubst milter_%,milter/%.c,$(filter milter_%,$(1)))) $(with_$(1)))
program_libs = $(if $(call module,$(1)),$(O)/libprocess.a)

.SECONDEXPANSION:
$(O)/tests/test_%: $(O)/tests/unit/test_%.o $$(call module,$$*) \
    $$(call program_libs,$$*) $(SHARED)
	@mkdir -p $(@D)
	$(call short,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)
$(O)/tests/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/fuzz_main.o \
    $$(call module,$$*) $$(call program_libs,$$*) $(SHARED)
	@mkdir -p $(@D)
	$(call short,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(BENCHES): $(O)/tests/bench/%: $(O)/tests/bench/%.o $(SHARED)
	$(call short,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(MILTER_LIBS)

tests: $(UNITS) $(FUZZERS)
objects: $(call objects,$(FOLDERS) tests/unit tests/fuzz)

# Sums up all results; the last line is the result.
check: deps
	@MAKE='$(MAKE)' tests/run-checks --build $(O)
check-asan check-tsan check-layers:
	@MAKE='$(MAKE)' tests/run-checks --build $(O) $(@:check-%=%)

# The end-to-end tests once more with Debian 13's Postfix, in O/trixie.
e2e-3.10:
	conf/deps build check e2e-3.10
	$(MAKE) all
	tests/e2e/run-3.10 --build $(O)

# Each target for FUZZ_SECONDS; O/fuzz keeps the inputs and, on a crash, the file.
fuzz:
	conf/deps build fuzz
	$(MAKE) O=$(O)/fuzz CC=clang HARDEN= HARDEN_LD= OPT='-O1 -g' \
	    SANITIZE=-fsanitize=address,undefined,fuzzer-no-link \
	    CFLAGS=-DFUZZ_LIBFUZZER LDFLAGS=-fsanitize=fuzzer fuzz-run
fuzz-run: $(FUZZERS:%=%.run)
$(FUZZERS:%=%.run): %.run: %
	@mkdir -p $*.inputs
	$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -artifact_prefix=$*- \
	    $*.inputs $(wildcard $(@F:fuzz_%.run=tests/data/%))

# The same by AFL++; O/fuzz-afl keeps the inputs, crashes below default/crashes.
fuzz-afl:
	conf/deps build fuzz-afl
	AFL_USE_ASAN=1 AFL_USE_UBSAN=1 $(MAKE) O=$(O)/fuzz-afl \
	    CC=afl-clang-fast HARDEN= HARDEN_LD= OPT='-O1 -g' \
	    CFLAGS=-DFUZZ_LIBFUZZER LDFLAGS=-fsanitize=fuzzer fuzz-afl-run
fuzz-afl-run: $(FUZZERS:%=%.afl)
$(FUZZERS:%=%.afl): %.afl: %
	AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 \
	    AFL_NO_AFFINITY=1 AFL_AUTORESUME=1 afl-fuzz -V $(FUZZ_SECONDS) -m none -t 1000 \
	    -i $(@F:fuzz_%.afl=tests/data/%) -o $*.inputs -- $* >$*.log || \
	    { tail $*.log; false; }
	@awk '/^(execs_done|corpus_count|saved_(crashes|hangs)) / \
	    { printf "%s %s, ", $$1, $$3 } END { print "$(@F)" }' \
	    $*.inputs/default/fuzzer_stats
	@! ls $*.inputs/default/crashes/id* 2>/dev/null

# Speed and memory, as ratios to what this machine can do; BENCH=quick for a look.
bench: all $(BENCHES)
	conf/deps check
	tests/bench/run --build $(O) $(if $(BENCH),--$(BENCH))

# ---------------------------------------------------------------- use

deps:
	conf/deps build run check

# A private Redis, policyd and milter in the foreground, everything below RUN.
run:
	conf/deps build run
	$(MAKE) all
	conf/run --build $(O) --run $(RUN) $(RUN_OPTIONS)

# Mails to good and bad domains in a network of its own, and what came of each.
demo: deps
	$(MAKE) all
	PYTHONDONTWRITEBYTECODE=1 tests/e2e/demo.py --build $(O)

BIN	= $(DESTDIR)$(PREFIX)/bin
SBIN	= $(DESTDIR)$(PREFIX)/sbin
LIBEXEC	= $(DESTDIR)$(PREFIX)/libexec/hopseal
MAN	= $(DESTDIR)$(PREFIX)/share/man
LIB	= $(DESTDIR)$(PREFIX)/lib
CONF	= $(DESTDIR)$(SYSCONFDIR)/hopseal
COMPLETIONS = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
UNITDIR	?= $(PREFIX)/lib/systemd/system

# What stands in the configuration folder is the operator's: never overwritten.
install: all manuals
	install -d $(BIN) $(SBIN) $(LIBEXEC) $(CONF) $(MAN)/man1 $(MAN)/man5 \
	    $(MAN)/man8 $(DESTDIR)$(UNITDIR) $(LIB)/sysusers.d \
	    $(LIB)/tmpfiles.d $(COMPLETIONS)
	install -m 755 $(O)/hopseal $(BIN)
	$(O)/hopseal completion bash >$(COMPLETIONS)/hopseal
	install -m 755 $(O)/hopseal-policyd $(O)/hopseal-milter $(SBIN)
	install -m 755 $(O)/hopseal-scout $(LIBEXEC)
	for page in $(notdir $(MANUALS)); do \
	    install -m 644 $(O)/man/$$page $(MAN)/man$${page##*.}; done
	for unit in $(notdir $(wildcard conf/systemd/*)); do \
	    $(PLACES) conf/systemd/$$unit >$(DESTDIR)$(UNITDIR)/$$unit; done
	install -m 644 conf/sysusers.conf $(LIB)/sysusers.d/hopseal.conf
	install -m 644 conf/tmpfiles.conf $(LIB)/tmpfiles.d/hopseal.conf
	for file in hopseal.conf rules redis.conf; do \
	    test -e $(CONF)/$$file || \
	    $(PLACES) conf/$$file >$(CONF)/$$file; done
# For OpenRC instead of systemd; nobody else installs them.
install-openrc: install
	install -d $(DESTDIR)$(SYSCONFDIR)/init.d
	for script in $(notdir $(wildcard conf/openrc/*)); do \
	    $(PLACES) conf/openrc/$$script \
	    >$(DESTDIR)$(SYSCONFDIR)/init.d/$$script && \
	    chmod 755 $(DESTDIR)$(SYSCONFDIR)/init.d/$$script; done

# A Debian package, in O/deb; its life in a Debian made by debootstrap.
deb:
	conf/deps build deb
	conf/debian/build $(O)/deb $(VERSION)
check-deb:
	conf/deps build deb
	tests/package/run --build $(O)

# What a new user meets, timed, in docs/first-hour.md.
first-hour:
	conf/deps build deb check
	tests/package/first-hour --build $(O) --write docs/first-hour.md

clean:
	rm -rf $(O)

help:
	@echo 'make              builds the programs in O=$(O)'
	@echo 'make run          runs them here, with a private Redis, below RUN=$(RUN);'
	@echo '                  RUN_OPTIONS="-o NAME=VALUE ..." overrides options'
	@echo 'make demo         shows what becomes of mails to good and bad domains, in a'
	@echo '                  network of its own'
	@echo 'make check        runs all tests, installing what they need'
	@echo 'make check-asan   unit tests and corpora with address and undefined sanitizers'
	@echo 'make check-tsan   what has threads with the thread sanitizer'
	@echo 'make check-layers which way the code depends'
	@echo 'make e2e-3.10     end-to-end tests with Postfix 3.10 and TLSRPT, by debootstrap'
	@echo 'make fuzz         each fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS)'
	@echo 'make fuzz-afl     the same by AFL++'
	@echo 'make bench        speed and memory against their limits; BENCH=quick is shorter'
	@echo 'make manuals      the manuals, in $(O)/man'
	@echo 'make deps         installs what is needed to build, run and check'
	@echo 'make install      to PREFIX=$(PREFIX) and SYSCONFDIR=$(SYSCONFDIR), below DESTDIR='
	@echo 'make install-openrc  the same, and init scripts for OpenRC'
	@echo 'make deb          a Debian package, in $(O)/deb'
	@echo 'make check-deb    installs, starts, upgrades and purges it in a folder'
	@echo 'make first-hour   from the package to a mended alert, into docs/first-hour.md'
	@echo 'make clean        removes O=$(O)'

FORCE:
.PHONY: all manuals tests objects check check-asan check-tsan check-layers e2e-3.10
.PHONY: fuzz fuzz-run fuzz-afl fuzz-afl-run
.PHONY: bench deps run demo install install-openrc deb check-deb first-hour clean help FORCE
.SECONDARY:
