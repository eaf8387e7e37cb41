# SPDX-License-Identifier: MIT
# Fuzz targets. In every build `make check` runs their corpora once; in one configured with
# --enable-fuzzing, `make fuzz` lets libFuzzer at them, FUZZ_SECONDS each, FUZZ_JOBS at a time.
FUZZ_SHARED = tests/fuzz/fuzz.c tests/fuzz/fuzz.h
FUZZ_FORGE = tests/unit/tar_forge.c tests/unit/tar_forge.h
FUZZ_ENVELOPE = tests/fuzz/fuzz_envelope.c $(FUZZ_SHARED) $(FUZZ_FORGE)
FUZZ_MANIFEST = tests/fuzz/fuzz_manifest.c $(FUZZ_SHARED)
FUZZ_PACKAGE = tests/fuzz/fuzz_package.c $(FUZZ_SHARED) $(FUZZ_FORGE)
FUZZ_TAR = tests/fuzz/fuzz_tar.c $(FUZZ_SHARED)

CORPUS_TESTS = \
	tests/fuzz/fuzz_envelope_corpus \
	tests/fuzz/fuzz_manifest_corpus \
	tests/fuzz/fuzz_package_corpus \
	tests/fuzz/fuzz_tar_corpus
check_PROGRAMS += $(CORPUS_TESTS)
TESTS += $(CORPUS_TESTS)
tests_fuzz_fuzz_envelope_corpus_SOURCES = $(FUZZ_ENVELOPE) tests/fuzz/standalone.c
tests_fuzz_fuzz_envelope_corpus_LDADD = $(PACKAGE_LIBS)
tests_fuzz_fuzz_manifest_corpus_SOURCES = $(FUZZ_MANIFEST) tests/fuzz/standalone.c
tests_fuzz_fuzz_manifest_corpus_LDADD = $(PACKAGE_LIBS)
tests_fuzz_fuzz_package_corpus_SOURCES = $(FUZZ_PACKAGE) tests/fuzz/standalone.c
tests_fuzz_fuzz_package_corpus_LDADD = $(PACKAGE_LIBS)
tests_fuzz_fuzz_tar_corpus_SOURCES = $(FUZZ_TAR) tests/fuzz/standalone.c
tests_fuzz_fuzz_tar_corpus_LDADD = $(PACKAGE_LIBS)

.PHONY: fuzz fuzzers
if FUZZING
FUZZERS = \
	tests/fuzz/fuzz_envelope \
	tests/fuzz/fuzz_manifest \
	tests/fuzz/fuzz_package \
	tests/fuzz/fuzz_tar
EXTRA_PROGRAMS = $(FUZZERS)
FUZZ_MUTATE_TAR = tests/fuzz/mutate_tar.c tests/fuzz/mutate_tar.h
LINK_WITH_LIBFUZZER = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_envelope_SOURCES = $(FUZZ_ENVELOPE)
tests_fuzz_fuzz_envelope_LDFLAGS = $(LINK_WITH_LIBFUZZER)
tests_fuzz_fuzz_envelope_LDADD = $(PACKAGE_LIBS)
tests_fuzz_fuzz_manifest_SOURCES = $(FUZZ_MANIFEST)
tests_fuzz_fuzz_manifest_LDFLAGS = $(LINK_WITH_LIBFUZZER)
tests_fuzz_fuzz_manifest_LDADD = $(PACKAGE_LIBS)
tests_fuzz_fuzz_package_SOURCES = $(FUZZ_PACKAGE) $(FUZZ_MUTATE_TAR) tests/fuzz/mutate_package.c
tests_fuzz_fuzz_package_LDFLAGS = $(LINK_WITH_LIBFUZZER)
tests_fuzz_fuzz_package_LDADD = $(PACKAGE_LIBS)
tests_fuzz_fuzz_tar_SOURCES = $(FUZZ_TAR) $(FUZZ_MUTATE_TAR) tests/fuzz/mutate_tar_input.c \
	$(FUZZ_FORGE)
tests_fuzz_fuzz_tar_LDFLAGS = $(LINK_WITH_LIBFUZZER)
tests_fuzz_fuzz_tar_LDADD = $(PACKAGE_LIBS)

fuzzers: $(FUZZERS)
fuzz: fuzzers
	@$(top_srcdir)/tests/fuzz/run $(FUZZERS)
else
fuzz fuzzers:
	@echo 'Fuzzing needs a build of its own: configure one with CC=clang --enable-fuzzing.' >&2; exit 1
endif

EXTRA_DIST += tests/fuzz/run tests/fuzz/words.dict tests/fuzz/corpus
EXTRA_DIST += tests/fuzz/mutate_package.c tests/fuzz/mutate_tar.c tests/fuzz/mutate_tar.h \
	tests/fuzz/mutate_tar_input.c
