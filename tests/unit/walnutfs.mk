# SPDX-License-Identifier: MIT
if HAVE_CHECK
check_PROGRAMS += tests/unit/test_packed
TESTS += tests/unit/test_packed
tests_unit_test_packed_SOURCES = tests/unit/test_packed.c src/walnutfs/packed.c
tests_unit_test_packed_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_packed_LDADD = $(PACKAGE_LIBS) $(CHECK_LIBS)
endif
