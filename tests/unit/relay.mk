# SPDX-License-Identifier: MIT
if HAVE_CHECK
RELAY_TESTS = \
	tests/unit/test_relay_admin \
	tests/unit/test_relay_config \
	tests/unit/test_relay_mailbox \
	tests/unit/test_relay_names \
	tests/unit/test_relay_url
check_PROGRAMS += $(RELAY_TESTS)
TESTS += $(RELAY_TESTS)
RELAY_TEST_LIBS = $(RELAY_LIBS) $(CHECK_LIBS)
RELAY_TEST_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

tests_unit_test_relay_admin_SOURCES = tests/unit/test_relay_admin.c tests/unit/relay_help.c \
	tests/unit/relay_help.h
tests_unit_test_relay_admin_CFLAGS = $(RELAY_TEST_CFLAGS)
tests_unit_test_relay_admin_LDADD = $(RELAY_TEST_LIBS)

tests_unit_test_relay_config_SOURCES = tests/unit/test_relay_config.c tests/unit/relay_help.c \
	tests/unit/relay_help.h
tests_unit_test_relay_config_CFLAGS = $(RELAY_TEST_CFLAGS)
tests_unit_test_relay_config_LDADD = $(RELAY_TEST_LIBS)

tests_unit_test_relay_mailbox_SOURCES = tests/unit/test_relay_mailbox.c tests/unit/relay_help.c \
	tests/unit/relay_help.h
tests_unit_test_relay_mailbox_CFLAGS = $(RELAY_TEST_CFLAGS)
tests_unit_test_relay_mailbox_LDADD = $(RELAY_TEST_LIBS)

tests_unit_test_relay_names_SOURCES = tests/unit/test_relay_names.c
tests_unit_test_relay_names_CFLAGS = $(RELAY_TEST_CFLAGS)
tests_unit_test_relay_names_LDADD = $(RELAY_TEST_LIBS)

tests_unit_test_relay_url_SOURCES = tests/unit/test_relay_url.c
tests_unit_test_relay_url_CFLAGS = $(RELAY_TEST_CFLAGS)
tests_unit_test_relay_url_LDADD = $(RELAY_TEST_LIBS)
endif
