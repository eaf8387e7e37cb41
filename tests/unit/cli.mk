# SPDX-License-Identifier: MIT
# Parts of the commands that can be looked at alone.
if HAVE_CHECK
CLI_TESTS = tests/unit/test_output
check_PROGRAMS += $(CLI_TESTS)
TESTS += $(CLI_TESTS)
tests_unit_test_output_SOURCES = tests/unit/test_output.c src/cli/output.c src/cli/output.h
tests_unit_test_output_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_output_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAPS)
tests_unit_test_output_LDADD = $(BASE_TEST_LIBS)
endif
