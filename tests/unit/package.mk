# SPDX-License-Identifier: MIT

if HAVE_CHECK
# Making packages.
MAKING_TESTS = tests/unit/test_create tests/unit/test_gzip tests/unit/test_stage \
	tests/unit/test_tar_write
check_PROGRAMS += $(MAKING_TESTS)
TESTS += $(MAKING_TESTS)
tests_unit_test_create_SOURCES = tests/unit/test_create.c tests/unit/sandbox.c tests/unit/sandbox.h
tests_unit_test_create_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_create_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS) $(CRYPTO_LIBS)
tests_unit_test_gzip_SOURCES = tests/unit/test_gzip.c tests/unit/sandbox.c tests/unit/sandbox.h
tests_unit_test_gzip_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_gzip_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
tests_unit_test_stage_SOURCES = tests/unit/test_stage.c tests/unit/sandbox.c tests/unit/sandbox.h
tests_unit_test_stage_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_stage_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
tests_unit_test_tar_write_SOURCES = tests/unit/test_tar_write.c tests/unit/sandbox.c \
	tests/unit/sandbox.h
tests_unit_test_tar_write_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tar_write_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
endif

if HAVE_CHECK
# Reading packages.
READING_TESTS = tests/unit/test_envelope \
	tests/unit/test_manifest \
	tests/unit/test_open \
	tests/unit/test_open_passphrase \
	tests/unit/test_open_sealed \
	tests/unit/test_open_vectors \
	tests/unit/test_plain \
	tests/unit/test_signature \
	tests/unit/test_source \
	tests/unit/test_tar_read
check_PROGRAMS += $(READING_TESTS)
TESTS += $(READING_TESTS)
tests_unit_test_envelope_SOURCES = tests/unit/test_envelope.c \
	tests/unit/packages.c tests/unit/packages.h \
	tests/unit/sandbox.c tests/unit/sandbox.h \
	tests/unit/tar_forge.c tests/unit/tar_forge.h
tests_unit_test_envelope_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_envelope_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
tests_unit_test_manifest_SOURCES = tests/unit/test_manifest.c \
	tests/unit/sandbox.c tests/unit/sandbox.h \
	tests/unit/vectors.c tests/unit/vectors.h
tests_unit_test_manifest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_manifest_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
tests_unit_test_open_SOURCES = tests/unit/test_open.c \
	tests/unit/opened.c tests/unit/opened.h \
	tests/unit/packages.c tests/unit/packages.h \
	tests/unit/sandbox.c tests/unit/sandbox.h \
	tests/unit/tar_forge.c tests/unit/tar_forge.h
tests_unit_test_open_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_open_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
tests_unit_test_open_passphrase_SOURCES = tests/unit/test_open_passphrase.c \
	tests/unit/opened.c tests/unit/opened.h \
	tests/unit/packages.c tests/unit/packages.h \
	tests/unit/sandbox.c tests/unit/sandbox.h
tests_unit_test_open_passphrase_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_open_passphrase_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
tests_unit_test_open_sealed_SOURCES = tests/unit/test_open_sealed.c \
	tests/unit/opened.c tests/unit/opened.h \
	tests/unit/packages.c tests/unit/packages.h \
	tests/unit/sandbox.c tests/unit/sandbox.h
tests_unit_test_open_sealed_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_open_sealed_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
tests_unit_test_open_vectors_SOURCES = tests/unit/test_open_vectors.c \
	tests/unit/opened.c tests/unit/opened.h \
	tests/unit/packages.c tests/unit/packages.h \
	tests/unit/sandbox.c tests/unit/sandbox.h \
	tests/unit/vectors.c tests/unit/vectors.h
tests_unit_test_open_vectors_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_open_vectors_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
tests_unit_test_plain_SOURCES = tests/unit/test_plain.c \
	tests/unit/sandbox.c tests/unit/sandbox.h
tests_unit_test_plain_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_plain_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
tests_unit_test_signature_SOURCES = tests/unit/test_signature.c \
	tests/unit/packages.c tests/unit/packages.h \
	tests/unit/sandbox.c tests/unit/sandbox.h
tests_unit_test_signature_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_signature_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
tests_unit_test_source_SOURCES = tests/unit/test_source.c \
	tests/unit/sandbox.c tests/unit/sandbox.h
tests_unit_test_source_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_source_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
tests_unit_test_tar_read_SOURCES = tests/unit/test_tar_read.c \
	tests/unit/tar_forge.c tests/unit/tar_forge.h
tests_unit_test_tar_read_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tar_read_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
endif
