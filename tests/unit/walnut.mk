# SPDX-License-Identifier: MIT
if HAVE_CHECK
WALNUT_TESTS = tests/unit/test_glob tests/unit/test_sessions tests/unit/test_walnut \
	tests/unit/test_walnut_lock
check_PROGRAMS += $(WALNUT_TESTS)
TESTS += $(WALNUT_TESTS)
tests_unit_test_glob_SOURCES = tests/unit/test_glob.c
tests_unit_test_glob_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_glob_LDADD = $(WALNUT_LIBS) $(CHECK_LIBS)
tests_unit_test_sessions_SOURCES = tests/unit/test_sessions.c
tests_unit_test_sessions_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_sessions_LDADD = $(WALNUT_LIBS) $(CHECK_LIBS)
tests_unit_test_walnut_SOURCES = tests/unit/test_walnut.c tests/unit/sandbox.c tests/unit/sandbox.h
tests_unit_test_walnut_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_walnut_LDADD = $(WALNUT_LIBS) $(CHECK_LIBS)
tests_unit_test_walnut_lock_SOURCES = tests/unit/test_walnut_lock.c tests/unit/sandbox.c \
	tests/unit/sandbox.h
tests_unit_test_walnut_lock_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_walnut_lock_LDADD = $(WALNUT_LIBS) $(CHECK_LIBS)
endif
