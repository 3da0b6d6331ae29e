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
	  -DHOPSEAL_LIBEXECDIR='"$(PREFIX)/libexec/hopseal"'
# Two builds of the same source are the same, wherever they are made.
REPRODUCIBLE = -ffile-prefix-map=$(CURDIR)=.
ALL_CFLAGS = -std=c11 $(WARN) $(WERROR) $(OPT) $(HARDEN) $(SANITIZE) \
	  $(REPRODUCIBLE) $(DEFINES) -I. -MMD -MP $(CFLAGS)
ALL_LDFLAGS = -Wl,--as-needed $(HARDEN_LD) $(SANITIZE) $(LDFLAGS)

# Which library belongs to whom: docs/architecture.md.
PURE_LIBS = -lidn2
IO_LIBS	= -levent_core -lhiredis $(PURE_LIBS)
POLICYD_LIBS = -levent_core -levent_extra -lhiredis -ljansson -lcap $(PURE_LIBS)
SCOUT_LIBS = -levent_core -lunbound -lcurl -lssl -lcrypto -lseccomp -lpthread \
	  $(PURE_LIBS)
CTL_LIBS = -ljansson $(PURE_LIBS)
ALL_LIBS = $(POLICYD_LIBS) $(SCOUT_LIBS)

# ---------------------------------------------------------------- sources

FOLDERS	= shared shared/policy shared/postfix shared/tlsrpt shared/io \
	  policyd policyd/process policyd/front policyd/clerk policyd/scout ctl
sources	= $(foreach folder,$(1),$(wildcard $(folder)/*.c))
objects	= $(patsubst %.c,$(O)/%.o,$(call sources,$(1)))

PURE	:= $(call objects,shared shared/policy shared/postfix shared/tlsrpt)
IO	:= $(call objects,shared/io)
PROCESS	:= $(call objects,policyd/process)
POLICYD	:= $(call objects,policyd policyd/front policyd/clerk)
SCOUT	:= $(call objects,policyd/scout)
CTL	:= $(call objects,ctl)
SHARED	= $(O)/libio.a $(O)/libpure.a

UNITS	:= $(patsubst tests/unit/%.c,$(O)/tests/%,$(wildcard tests/unit/test_*.c))
FUZZERS	:= $(patsubst tests/fuzz/%.c,$(O)/tests/%, \
	  $(filter-out %/fuzz_main.c,$(wildcard tests/fuzz/fuzz_*.c)))
PROGRAMS = $(O)/hopseal-policyd $(O)/hopseal-scout $(O)/hopseal
MANUALS	:= $(wildcard docs/*.[158])

# ---------------------------------------------------------------- programs

all: $(PROGRAMS)

$(O)/hopseal-policyd: $(POLICYD) $(PROCESS) $(SHARED)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(POLICYD_LIBS)
$(O)/hopseal-scout: $(SCOUT) $(PROCESS) $(SHARED)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SCOUT_LIBS)
$(O)/hopseal: $(CTL) $(SHARED)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CTL_LIBS)

$(O)/libpure.a: $(PURE)
$(O)/libio.a: $(IO)
$(O)/libprocess.a: $(PROCESS)
$(O)/%.a:
	rm -f $@ && $(AR) rcsD $@ $^

$(O)/%.o: %.c $(O)/flags | $(O)/packages
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<
# Changed flags rebuild everything.
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(ALL_CFLAGS)' > $@
$(O)/packages: conf/packages conf/deps
	@mkdir -p $(@D)
	@CC='$(CC) $(CFLAGS)' conf/deps -n build && touch $@

-include $(patsubst %.c,$(O)/%.d,$(call sources,$(FOLDERS) tests/unit tests/fuzz))

# ---------------------------------------------------------------- tests

# A test links its own module and little more: the archives give what it names.
# The module of a program's own folder is linked by its name.
module	= $(patsubst %.c,$(O)/%.o,$(wildcard $(addsuffix /$(1).c, \
	  policyd policyd/front policyd/clerk policyd/scout ctl)))
program_libs = $(if $(call module,$(1)),$(O)/libprocess.a)

.SECONDEXPANSION:
$(O)/tests/test_%: $(O)/tests/unit/test_%.o $$(call module,$$*) \
    $$(call program_libs,$$*) $(SHARED)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)
$(O)/tests/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/fuzz_main.o \
    $$(call module,$$*) $$(call program_libs,$$*) $(SHARED)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

tests: $(UNITS) $(FUZZERS)
objects: $(PURE) $(IO) $(PROCESS) $(POLICYD) $(SCOUT) $(CTL)

clean:
	rm -rf $(O)

FORCE:
.PHONY: all tests objects clean FORCE
.SECONDARY:
