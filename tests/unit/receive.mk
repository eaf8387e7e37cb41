# SPDX-License-Identifier: MIT
if HAVE_CHECK
RECEIVE_TESTS = \
	tests/unit/test_migrate \
	tests/unit/test_migrate_faults \
	tests/unit/test_migrate_hostile \
	tests/unit/test_migrate_texts
check_PROGRAMS += $(RECEIVE_TESTS)
TESTS += $(RECEIVE_TESTS)
tests_unit_test_migrate_SOURCES = tests/unit/test_migrate.c \
	tests/unit/migrate_help.c tests/unit/migrate_help.h \
	tests/unit/sandbox.c tests/unit/sandbox.h \
	tests/unit/vectors.c tests/unit/vectors.h
tests_unit_test_migrate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_migrate_LDADD = $(RECEIVE_LIBS) $(CHECK_LIBS)
tests_unit_test_migrate_faults_SOURCES = tests/unit/test_migrate_faults.c
tests_unit_test_migrate_faults_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_migrate_faults_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAPS)
tests_unit_test_migrate_faults_LDADD = $(SCRATCH_LIBS) $(RECEIVE_LIBS) $(CHECK_LIBS)
tests_unit_test_migrate_hostile_SOURCES = tests/unit/test_migrate_hostile.c \
	tests/unit/migrate_help.c tests/unit/migrate_help.h \
	tests/unit/sandbox.c tests/unit/sandbox.h
tests_unit_test_migrate_hostile_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_migrate_hostile_LDADD = $(RECEIVE_LIBS) $(CHECK_LIBS)
tests_unit_test_migrate_texts_SOURCES = tests/unit/test_migrate_texts.c
tests_unit_test_migrate_texts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_migrate_texts_LDADD = $(RECEIVE_LIBS) $(CHECK_LIBS)
endif
