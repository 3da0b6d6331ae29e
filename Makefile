# Hopseal.  The lists follow the folders; "make help" names the targets.

PREFIX	?= /usr/local
SYSCONFDIR ?= /etc
O	?= build
RUN	?= run
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
ALL_CFLAGS = -std=c11 $(WARN) $(WERROR) $(OPT) $(HARDEN) $(SANITIZE) $(DEFINES) \
	  -I. -MMD -MP $(CFLAGS)
ALL_LDFLAGS = -Wl,--as-needed $(HARDEN_LD) $(SANITIZE) $(LDFLAGS)

# Which library belongs to whom (docs/architecture.md).
PURE_LIBS = -lidn2
IO_LIBS	= -levent_core -lhiredis
POLICYD_LIBS = -levent_core -levent_extra -lhiredis -ljansson -lcap
SCOUT_LIBS = -levent_core -lunbound -lcurl -lssl -lcrypto -lseccomp -lpthread
CTL_LIBS = -ljansson

# ---------------------------------------------------------------- sources

PURE_SRC := $(wildcard shared/*.c shared/policy/*.c shared/postfix/*.c \
	    shared/tlsrpt/*.c)
IO_SRC	:= $(wildcard shared/io/*.c)
PROCESS_SRC := $(wildcard policyd/process/*.c)
POLICYD_SRC := $(PROCESS_SRC) \
	    $(wildcard policyd/*.c policyd/front/*.c policyd/clerk/*.c)
SCOUT_SRC := $(PROCESS_SRC) $(wildcard policyd/scout/*.c)
CTL_SRC	:= $(wildcard ctl/*.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_SRC := $(filter-out tests/fuzz/fuzz_main.c,$(FUZZ_SRC))

obj	= $(patsubst %.c,$(O)/%.o,$(1))
UNITS	:= $(patsubst tests/unit/%.c,$(O)/tests/%,$(UNIT_SRC))
FUZZERS	:= $(patsubst tests/fuzz/%.c,$(O)/tests/%,$(FUZZ_SRC))

PROGRAMS = $(O)/hopseal-policyd $(O)/hopseal-scout $(O)/hopseal

all: $(PROGRAMS)

$(O)/libpure.a: $(call obj,$(PURE_SRC))
$(O)/libio.a: $(call obj,$(IO_SRC))
$(O)/%.a:
	rm -f $@ && $(AR) rcsD $@ $^

$(O)/hopseal-policyd: $(call obj,$(POLICYD_SRC)) $(O)/libio.a $(O)/libpure.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(POLICYD_LIBS) $(PURE_LIBS)
$(O)/hopseal-scout: $(call obj,$(SCOUT_SRC)) $(O)/libio.a $(O)/libpure.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SCOUT_LIBS) $(PURE_LIBS)
$(O)/hopseal: $(call obj,$(CTL_SRC)) $(O)/libio.a $(O)/libpure.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CTL_LIBS) $(PURE_LIBS)

$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<
# Changed flags rebuild everything.
$(O)/flags: FORCE
	@mkdir -p $(O)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' > $@

# A unit test links its own module and little more: the archive gives what it names.
$(O)/tests/test_%: $(O)/tests/unit/test_%.o $(O)/libio.a $(O)/libpure.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(IO_LIBS) $(PURE_LIBS)
$(O)/tests/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/fuzz_main.o \
    $(O)/libio.a $(O)/libpure.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(IO_LIBS) $(PURE_LIBS)

clean:
	rm -rf $(O) build-*

FORCE:
.PHONY: all clean FORCE
.SECONDARY:

-include $(shell find $(O) -name '*.d' 2>/dev/null)
