/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay_help.h"

static const char whole[] = "{\n"
			    "  \"version\": 1,\n"
			    "  \"relay\": {\n"
			    "    \"url\": \"/srv/r.git\",\n"
			    "    \"username\": \"alice\",\n"
			    "    \"created_at\": \"2026-04-07T10:15:00Z\",\n"
			    "    \"colour\": \"green\"\n"
			    "  },\n"
			    "  \"peers\": {\n"
			    "    \"carol\": {\n"
			    "      \"url\": null,\n"
			    "      \"added_at\": \"2026-04-07T10:15:00Z\",\n"
			    "      \"accepted\": false,\n"
			    "      \"exclude_patterns\": [\n"
			    "        \"*.psd\",\n"
			    "        \"drafts/\"\n"
			    "      ]\n"
			    "    },\n"
			    "    \"ben\": {\n"
			    "      \"url\": \"git@example.org:ben/r.git\",\n"
			    "      \"added_at\": \"2026-04-07T10:15:00Z\",\n"
			    "      \"accepted\": true,\n"
			    "      \"exclude_patterns\": [],\n"
			    "      \"nickname\": \"Benny\"\n"
			    "    }\n"
			    "  },\n"
			    "  \"later\": [\n"
			    "    1,\n"
			    "    2\n"
			    "  ]\n"
			    "}\n";

static struct wlt_relay_config *load(const char *text)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *config = NULL;

	help_write(help_path("relay.json"), text);
	help_ok(wlt_relay_config_load(help_path("."), &config, &err), &err);
	return config;
}

START_TEST(test_load)
{
	struct wlt_relay_config *config = load(whole);
	const struct wlt_peer *carol = wlt_relay_config_peer(config, "carol");

	ck_assert_str_eq(config->url, "/srv/r.git");
	ck_assert_str_eq(config->username, "alice");
	ck_assert_str_eq(config->created_at, "2026-04-07T10:15:00Z");
	ck_assert_uint_eq(config->n_peers, 2);
	ck_assert_str_eq(config->peers[0].name, "ben");
	ck_assert(config->peers[0].accepted);
	ck_assert_str_eq(config->peers[0].url, "git@example.org:ben/r.git");
	ck_assert_ptr_null(config->peers[0].exclude_patterns);
	ck_assert_ptr_nonnull(carol);
	ck_assert_ptr_null(carol->url);
	ck_assert(!carol->accepted);
	ck_assert_uint_eq(carol->n_exclude_patterns, 2);
	ck_assert_str_eq(carol->exclude_patterns[1], "drafts/");
	ck_assert_ptr_null(carol->exclude_patterns[2]);
	ck_assert_ptr_null(wlt_relay_config_peer(config, "dave"));
	wlt_relay_config_free(config);
}
END_TEST

/* What is not understood stays as it is, and what is not asked for is not touched. */
START_TEST(test_unknown_keys)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *config = load(whole);

	help_ok(wlt_relay_config_set_peer(config, "carol", "/srv/carol.git", true, &err), &err);
	ck_assert(wlt_relay_config_peer(config, "carol")->accepted);

	char *text = help_read(help_path("relay.json"));
	char *expected = strdup(whole);
	char *at = strstr(expected, "\"url\": null");
	struct wlt_buf changed = WLT_BUF_INIT;

	wlt_buf_append(&changed, expected, (size_t)(at - expected));
	wlt_buf_puts(&changed, "\"url\": \"/srv/carol.git\"");
	at += strlen("\"url\": null");

	char *flag = strstr(at, "false");

	wlt_buf_append(&changed, at, (size_t)(flag - at));
	wlt_buf_puts(&changed, "true");
	wlt_buf_puts(&changed, flag + strlen("false"));
	ck_assert_str_eq(text, changed.data);
	wlt_buf_free(&changed);
	free(expected);
	free(text);
	wlt_relay_config_free(config);
}
END_TEST

START_TEST(test_new_peer)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *config = load(whole);
	struct stat st;

	ck_assert_int_eq(chmod(help_path("relay.json"), 0600), 0);
	ck_assert_int_eq(setenv("WALNUT_NOW", "2026-05-01T00:00:00Z", 1), 0);
	help_ok(wlt_relay_config_set_peer(config, "aaron", NULL, false, &err), &err);
	ck_assert_uint_eq(config->n_peers, 3);
	ck_assert_str_eq(config->peers[0].name, "aaron");
	ck_assert_str_eq(config->peers[0].added_at, "2026-05-01T00:00:00Z");

	char *text = help_read(help_path("relay.json"));

	ck_assert_ptr_nonnull(strstr(text, "    \"aaron\": {\n"
					   "      \"url\": null,\n"
					   "      \"added_at\": \"2026-05-01T00:00:00Z\",\n"
					   "      \"accepted\": false,\n"
					   "      \"exclude_patterns\": []\n"
					   "    }"));
	free(text);
	ck_assert_int_eq(stat(help_path("relay.json"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	help_failed(wlt_relay_config_set_peer(config, "../x", NULL, false, &err), &err, WLT_USAGE,
		    "");
	help_failed(wlt_relay_config_set_peer(config, "x", "http://h/x", false, &err), &err,
		    WLT_USAGE, "URL");
	wlt_relay_config_free(config);
}
END_TEST

/* Each of several processes adds its peers; none takes back what another wrote. */
START_TEST(test_concurrent)
{
	enum { writers = 4, each = 10 };
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *config = load(whole);
	char name[32];

	for (int writer = 0; writer < writers; writer++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid > 0)
			continue;
		for (int i = 0; i < each; i++) {
			(void)snprintf(name, sizeof(name), "peer-%d-%d", writer, i);
			if (!wlt_relay_config_set_peer(config, name, NULL, false, &err))
				_exit(1);
		}
		_exit(0);
	}
	for (int writer = 0; writer < writers; writer++) {
		int status = -1;

		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	wlt_relay_config_free(config);
	config = NULL;
	help_ok(wlt_relay_config_load(help_path("."), &config, &err), &err);
	ck_assert_uint_eq(config->n_peers, 2 + writers * each);
	wlt_relay_config_free(config);
}
END_TEST

START_TEST(test_missing)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *config = NULL;

	help_failed(wlt_relay_config_load(help_path("."), &config, &err), &err, WLT_MISSING,
		    "walnut relay setup");
	help_failed(wlt_relay_config_load(help_path("nowhere"), &config, &err), &err, WLT_MISSING,
		    "walnut relay setup");
}
END_TEST

static const char *const damaged[] = {
	"",
	"[]",
	"{}",
	"{\"version\": 2, \"relay\": {\"url\": \"/r\", \"username\": \"a\"}}",
	"{\"version\": 1}",
	"{\"version\": 1, \"relay\": {\"username\": \"a\"}}",
	"{\"version\": 1, \"relay\": {\"url\": \"http://r\", \"username\": \"a\"}}",
	"{\"version\": 1, \"relay\": {\"url\": \"/r\", \"username\": \"a/b\"}}",
	"{\"version\": 1, \"relay\": {\"url\": \"/r\", \"username\": \"a\"}, "
	"\"peers\": {\"../x\": {}}}",
	"{\"version\": 1, \"relay\": {\"url\": \"/r\", \"username\": \"a\"}, \"peers\": {\"x\": "
	"1}}",
	"{\"version\": 1, \"relay\": {\"url\": \"/r\", \"username\": \"a\"}, "
	"\"peers\": {\"x\": {\"url\": \"ext::sh\"}}}",
	"{\"version\": 1, \"relay\": {\"url\": \"/r\", \"username\": \"a\"}, "
	"\"peers\": {\"x\": {\"exclude_patterns\": [1]}}}",
	"{\"version\": 1, \"relay\": {\"url\": \"/r\", \"username\": \"a\"}} trailing",
};

START_TEST(test_damaged)
{
	struct wlt_error err = WLT_ERROR_INIT;
	struct wlt_relay_config *config = NULL;

	help_write(help_path("relay.json"), damaged[_i]);
	help_failed(wlt_relay_config_load(help_path("."), &config, &err), &err, WLT_DAMAGED,
		    "relay.json");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("relay config");
	TCase *tcase = tcase_create("config");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, help_begin, help_end);
	tcase_add_test(tcase, test_load);
	tcase_add_test(tcase, test_unknown_keys);
	tcase_add_test(tcase, test_new_peer);
	tcase_add_test(tcase, test_concurrent);
	tcase_add_test(tcase, test_missing);
	tcase_add_loop_test(tcase, test_damaged, 0, (int)(sizeof(damaged) / sizeof(damaged[0])));
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
