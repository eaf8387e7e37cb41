# SPDX-License-Identifier: MIT
if HAVE_CHECK
KEYS_TESTS = \
	tests/unit/test_key \
	tests/unit/test_keyring \
	tests/unit/test_keys_faults
check_PROGRAMS += $(KEYS_TESTS)
TESTS += $(KEYS_TESTS)
KEYS_TEST_LIBS = $(SCRATCH_LIBS) $(KEYS_LIBS) $(CHECK_LIBS)

tests_unit_test_key_SOURCES = tests/unit/test_key.c
tests_unit_test_key_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_key_LDADD = $(KEYS_TEST_LIBS)
tests_unit_test_keyring_SOURCES = tests/unit/test_keyring.c
tests_unit_test_keyring_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_keyring_LDADD = $(KEYS_TEST_LIBS)
tests_unit_test_keys_faults_SOURCES = tests/unit/test_keys_faults.c
tests_unit_test_keys_faults_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_keys_faults_LDFLAGS = $(AM_LDFLAGS) $(FAULT_WRAPS)
tests_unit_test_keys_faults_LDADD = $(KEYS_TEST_LIBS)
endif
