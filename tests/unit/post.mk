# SPDX-License-Identifier: MIT
if HAVE_CHECK
check_PROGRAMS += tests/unit/test_courier
TESTS += tests/unit/test_courier
tests_unit_test_courier_SOURCES = tests/unit/test_courier.c tests/unit/relay_help.c \
	tests/unit/relay_help.h
tests_unit_test_courier_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_courier_LDADD = $(POST_LIBS) $(CHECK_LIBS)

POST_TESTS = \
	tests/unit/test_post_arrivals \
	tests/unit/test_post_completion \
	tests/unit/test_post_crash \
	tests/unit/test_post_drop \
	tests/unit/test_post_events \
	tests/unit/test_post_send \
	tests/unit/test_post_writers
check_PROGRAMS += $(POST_TESTS)
TESTS += $(POST_TESTS)
POST_TEST_HELP = tests/unit/post_help.c tests/unit/post_help.h
POST_TEST_LIBS = $(SCRATCH_LIBS) $(POST_LIBS) $(CHECK_LIBS)
POST_TEST_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

tests_unit_test_post_arrivals_SOURCES = tests/unit/test_post_arrivals.c
tests_unit_test_post_arrivals_CFLAGS = $(POST_TEST_CFLAGS)
tests_unit_test_post_arrivals_LDADD = $(POST_TEST_LIBS)

tests_unit_test_post_completion_SOURCES = tests/unit/test_post_completion.c
tests_unit_test_post_completion_CFLAGS = $(POST_TEST_CFLAGS)
tests_unit_test_post_completion_LDADD = $(POST_TEST_LIBS)

tests_unit_test_post_crash_SOURCES = tests/unit/test_post_crash.c $(POST_TEST_HELP)
tests_unit_test_post_crash_CFLAGS = $(POST_TEST_CFLAGS)
tests_unit_test_post_crash_LDADD = $(POST_TEST_LIBS)

tests_unit_test_post_drop_SOURCES = tests/unit/test_post_drop.c $(POST_TEST_HELP)
tests_unit_test_post_drop_CFLAGS = $(POST_TEST_CFLAGS)
tests_unit_test_post_drop_LDADD = $(POST_TEST_LIBS)

tests_unit_test_post_events_SOURCES = tests/unit/test_post_events.c
tests_unit_test_post_events_CFLAGS = $(POST_TEST_CFLAGS)
tests_unit_test_post_events_LDADD = $(POST_TEST_LIBS)

tests_unit_test_post_send_SOURCES = tests/unit/test_post_send.c $(POST_TEST_HELP)
tests_unit_test_post_send_CFLAGS = $(POST_TEST_CFLAGS)
tests_unit_test_post_send_LDADD = $(POST_TEST_LIBS)

tests_unit_test_post_writers_SOURCES = tests/unit/test_post_writers.c
tests_unit_test_post_writers_CFLAGS = $(POST_TEST_CFLAGS)
tests_unit_test_post_writers_LDADD = $(POST_TEST_LIBS)
endif
