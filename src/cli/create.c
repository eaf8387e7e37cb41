/* SPDX-License-Identifier: MIT */
/* A walnut, bundles of it, or a snapshot, made into a package. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "cli/progress.h"
#include "cli/sharing.h"
#include "cli/terminal.h"

static const struct wlt_usage usage = {
	.verb = "create",
	.synopsis = "--walnut DIR --scope full|bundle|snapshot [OPTION]...",
	.details =
		"Makes a package of the walnut in DIR. It appears complete or not at all; a file "
		"of its name\nis replaced.\n\n"
		"  --bundle NAME            with scope bundle: a bundle to share; may be repeated\n"
		"  --output FILE            (default: NAME-SCOPE-DATE.walnut in ~/Desktop where "
		"that\n"
		"                           is there, else in the current folder)\n"
		"  --encrypt none|passphrase|rsa\n"
		"                           how it is sealed (default: none)\n"
		"  --passphrase-env VAR     the environment variable that has the passphrase\n"
		"  --recipient PEER         with rsa: who can open it; may be repeated\n"
		"  --sign                   sign with p2p.signing_key_path of the preferences, "
		"else\n"
		"                           with your relay's key\n"
		"  --preset NAME            leave out what this share preset of the preferences "
		"says\n"
		"  --exclude GLOB           leave out what matches; may be repeated\n"
		"  --exclude-from PEER      leave out what relay.json says for this peer\n"
		"  --include-full-history   the real log.md and insights.md instead of stubs\n"
		"  --allow-restricted       share also what is marked as restricted or personal\n"
		"  --description TEXT       \n"
		"  --note TEXT              one line each, for whoever receives it\n"
		"  --yes                    do not ask about names that look sensitive\n"
		"  --json                   one JSON object\n",
};

/* Those without a letter of their own. */
enum {
	OPTION_EXCLUDE_FROM = 256,
	OPTION_FULL_HISTORY,
	OPTION_ALLOW_RESTRICTED,
	OPTION_SOURCE_LAYOUT,
};

static const struct option options[] = {
	{"walnut", required_argument, NULL, 'w'},
	{"scope", required_argument, NULL, 's'},
	{"bundle", required_argument, NULL, 'b'},
	{"output", required_argument, NULL, 'o'},
	{"encrypt", required_argument, NULL, 'e'},
	{"passphrase-env", required_argument, NULL, 'P'},
	{"recipient", required_argument, NULL, 'r'},
	{"sign", no_argument, NULL, 'S'},
	{"preset", required_argument, NULL, 'p'},
	{"exclude", required_argument, NULL, 'x'},
	{"exclude-from", required_argument, NULL, OPTION_EXCLUDE_FROM},
	{"include-full-history", no_argument, NULL, OPTION_FULL_HISTORY},
	{"allow-restricted", no_argument, NULL, OPTION_ALLOW_RESTRICTED},
	{"source-layout", required_argument, NULL, OPTION_SOURCE_LAYOUT},
	{"description", required_argument, NULL, 'd'},
	{"note", required_argument, NULL, 'n'},
	{"yes", no_argument, NULL, 'y'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* --- the command line -------------------------------------------------------------------------- */

/* As typed; NULL where it was not given. */
struct request {
	struct wlt_share_request share;
	const char *scope;
	const char *output;
	const char *encrypt;
	const char *passphrase_env;
	const char *source_layout;
	const char *description;
	const char *note;
	bool yes;
	bool json;
};

static void free_request(struct request *request)
{
	wlt_share_request_free(&request->share);
}

/* Where the value of an option goes that may be given once; NULL for the others. */
static const char **text_of(struct request *request, int option)
{
	switch (option) {
	case 'w':
		return &request->share.walnut;
	case 's':
		return &request->scope;
	case 'o':
		return &request->output;
	case 'e':
		return &request->encrypt;
	case 'P':
		return &request->passphrase_env;
	case 'p':
		return &request->share.preset;
	case OPTION_EXCLUDE_FROM:
		return &request->share.exclude_from;
	case OPTION_SOURCE_LAYOUT:
		return &request->source_layout;
	case 'd':
		return &request->description;
	case 'n':
		return &request->note;
	default:
		return NULL;
	}
}

static struct wlt_strings *list_of(struct request *request, int option)
{
	switch (option) {
	case 'b':
		return &request->share.bundles;
	case 'r':
		return &request->share.recipients;
	case 'x':
		return &request->share.exclude;
	default:
		return NULL;
	}
}

static bool *flag_of(struct request *request, int option)
{
	switch (option) {
	case 'S':
		return &request->share.sign;
	case OPTION_FULL_HISTORY:
		return &request->share.include_full_history;
	case OPTION_ALLOW_RESTRICTED:
		return &request->share.allow_restricted;
	case 'y':
		return &request->yes;
	case 'j':
		return &request->json;
	default:
		return NULL;
	}
}

static bool take_scope(struct request *request)
{
	static const enum wlt_scope scopes[] = {WLT_SCOPE_FULL, WLT_SCOPE_BUNDLE,
						WLT_SCOPE_SNAPSHOT};

	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		if (strcmp(request->scope, wlt_scope_name(scopes[i])) == 0) {
			request->share.scope = scopes[i];
			return true;
		}
	}
	return false;
}

static const char *complain_layout(const char *layout)
{
	const char *testing = getenv("ALIVE_P2P_TESTING");

	if (testing == NULL || strcmp(testing, "1") != 0)
		return "--source-layout is for tests only (ALIVE_P2P_TESTING=1)";
	if (strcmp(layout, "v2") == 0)
		return "packages are made in layout v3 only, whatever the walnut has";
	return strcmp(layout, "v3") == 0 ? NULL : "--source-layout is v2 or v3";
}

static const char *complain_sealing(const struct request *request)
{
	const char *encrypt = request->encrypt == NULL ? "none" : request->encrypt;
	bool rsa = strcmp(encrypt, "rsa") == 0;
	bool passphrase = strcmp(encrypt, "passphrase") == 0;

	if (!rsa && !passphrase && strcmp(encrypt, "none") != 0)
		return "--encrypt is none, passphrase or rsa";
	if (rsa && request->share.recipients.n == 0)
		return "--encrypt rsa needs a --recipient";
	if (!rsa && request->share.recipients.n > 0)
		return "--recipient needs --encrypt rsa";
	if (passphrase && request->passphrase_env == NULL)
		return "--encrypt passphrase needs --passphrase-env";
	if (!passphrase && request->passphrase_env != NULL)
		return "--passphrase-env needs --encrypt passphrase";
	return NULL;
}

/* What is wrong with the options taken together; NULL for nothing. */
static const char *complain(struct request *request)
{
	bool bundles = request->share.bundles.n > 0;

	if (request->share.walnut == NULL)
		return "--walnut says which walnut";
	if (request->scope == NULL)
		return "--scope says what of the walnut: full, bundle or snapshot";
	if (!take_scope(request))
		return "--scope is full, bundle or snapshot";
	if (request->share.scope == WLT_SCOPE_BUNDLE && !bundles)
		return "--scope bundle needs a --bundle";
	if (request->share.scope != WLT_SCOPE_BUNDLE && bundles)
		return "--bundle needs --scope bundle";
	if (request->source_layout != NULL && complain_layout(request->source_layout) != NULL)
		return complain_layout(request->source_layout);
	return complain_sealing(request);
}

/* --- where it goes ----------------------------------------------------------------------------- */

/* NAME-SCOPE-YYYY-MM-DD.walnut on the desktop, if there is one. malloc()ed. */
static char *default_output(const struct request *request, const struct wlt_sharing *sharing)
{
	const char *home = getenv("HOME");
	WLT_AUTOFREE char *desktop =
		home != NULL && home[0] == '/' ? wlt_path_join(home, "Desktop") : NULL;
	char now[WLT_ISO_BYTES];
	struct stat st;
	char *path = NULL;
	bool there;

	there = desktop != NULL && stat(desktop, &st) == 0 && S_ISDIR(st.st_mode);
	wlt_clock_iso(wlt_clock_now(), now);
	if (asprintf(&path, "%s%s%s-%s-%.10s.walnut", there ? desktop : "", there ? "/" : "",
		     sharing->name, request->scope, now) < 0)
		return NULL;
	return path;
}

/* --- making it --------------------------------------------------------------------------------- */

/* All that it takes, and what came of it. */
struct making {
	const struct request *request;
	struct wlt_sharing sharing;
	struct wlt_passphrase passphrase;
	struct wlt_walnut_lock lock;
	struct wlt_stage *stage;
	struct wlt_progress progress;
	struct wlt_created created;
	char *output; /* as typed, or the default */
	char *path;   /* absolute, once it is there */
};

static void free_making(struct making *making)
{
	wlt_stage_free(making->stage);
	wlt_walnut_lock_release(&making->lock);
	wlt_passphrase_free(&making->passphrase);
	wlt_sharing_end(&making->sharing);
	free(making->output);
	free(making->path);
}

static bool stage(struct making *making, struct wlt_error *err)
{
	WLT_AUTO(wlt_interrupt_end) struct wlt_interrupt interrupt = WLT_INTERRUPT_INIT;

	return wlt_interrupt_begin(&interrupt, err) &&
	       wlt_sharing_stage(&making->sharing, &making->request->share, &interrupt.stop,
				 &making->stage, err);
}

static void print_warning(const char *text)
{
	(void)fputs("walnut: warning: ", stderr);
	wlt_terminal_put(stderr, text);
	(void)fputc('\n', stderr);
}

/* Say what staging found; somebody at a terminal is asked about names that look sensitive. */
static bool confirm(const struct making *making, struct wlt_error *err)
{
	const struct wlt_stage *staged = making->stage;
	bool ask = staged->looks_sensitive && !making->request->yes && wlt_ask_possible();
	bool yes;

	for (size_t i = 0; i < staged->warnings.n; i++)
		if (!making->request->json || (ask && i + 1 == staged->warnings.n))
			print_warning(staged->warnings.items[i]);
	if (!ask)
		return true;
	return wlt_ask_yes("Share them?", &yes, err) &&
	       (yes || wlt_fail(err, WLT_CANCELLED,
				"no package was made; --exclude leaves such files out"));
}

static void tell(void *context, enum wlt_create_step step, uint64_t done, uint64_t total)
{
	wlt_progress_tell(context, step == WLT_STEP_PACK ? "packing" : "reading", done, total);
}

static bool pack(struct making *making, int fd, const atomic_bool *cancel, struct wlt_error *err)
{
	const struct request *request = making->request;
	const struct wlt_sharing *sharing = &making->sharing;
	const struct wlt_create_options create = {
		.sender = sharing->sender,
		.session = sharing->session,
		.engine = sharing->engine,
		.description = request->description == NULL ? "" : request->description,
		.note = request->note == NULL ? "" : request->note,
		.signer = sharing->signer,
		.recipients = sharing->recipients,
		.n_recipients = sharing->n_recipients,
		.passphrase = making->passphrase.text,
		.passphrase_len = making->passphrase.len,
		.cancel = cancel,
		.progress = tell,
		.progress_context = &making->progress,
	};
	bool ok;

	wlt_progress_begin(&making->progress);
	ok = wlt_package_create(making->stage, &create, fd, &making->created, err);
	wlt_progress_end(&making->progress);
	return ok;
}

/* A signal that comes while it is being made stops it; one that comes later finds it made. */
static bool make(struct making *making, struct wlt_error *err)
{
	WLT_AUTO(wlt_interrupt_end) struct wlt_interrupt interrupt = WLT_INTERRUPT_INIT;
	struct wlt_output output;
	bool ok;

	if (!wlt_interrupt_begin(&interrupt, err))
		return false;
	ok = wlt_output_begin(&output, making->output, err) &&
	     pack(making, output.fd, &interrupt.stop, err) && wlt_output_publish(&output, err);
	wlt_output_end(&output);
	return ok;
}

/* Where it is now; inside the walnut it is told that it will not stay alone there. */
static bool locate(struct making *making, struct wlt_error *err)
{
	size_t len = strlen(making->sharing.walnut);
	struct wlt_strings *warnings = &making->stage->warnings;

	making->path = realpath(making->output, NULL);
	if (making->path == NULL)
		return wlt_fail_errno(err, errno, "cannot find %s, which was just made",
				      making->output);
	if (strncmp(making->path, making->sharing.walnut, len) != 0 || making->path[len] != '/')
		return true;
	if (!wlt_strings_addf(warnings, err,
			      "%s lies in the walnut itself and would go along when that is shared "
			      "again",
			      making->output))
		return false;
	if (!making->request->json)
		print_warning(warnings->items[warnings->n - 1]);
	return true;
}

/* --- telling of it ----------------------------------------------------------------------------- */

static bool set_list(struct json_object *object, const char *key, const struct wlt_strings *texts)
{
	struct json_object *list = json_object_new_array();

	if (!wlt_json_set(object, key, list))
		return false;
	for (size_t i = 0; i < texts->n; i++) {
		struct json_object *item = json_object_new_string(texts->items[i]);

		if (item == NULL || json_object_array_add(list, item) != 0) {
			(void)json_object_put(item);
			return false;
		}
	}
	return true;
}

static bool print_json(const struct making *making, struct wlt_error *err)
{
	WLT_AUTO(wlt_json_put) struct json_object *report = json_object_new_object();
	const struct wlt_sharing *sharing = &making->sharing;
	const struct wlt_stage *staged = making->stage;
	const char *signer = sharing->signer == NULL ? NULL : wlt_key_id(sharing->signer);

	if (report == NULL || !wlt_json_set_string(report, "package_path", making->path) ||
	    !wlt_json_set_int(report, "size_bytes", (int64_t)making->created.size) ||
	    !wlt_json_set_string(report, "import_id", making->created.import_id) ||
	    !set_list(report, "warnings", &staged->warnings) ||
	    !set_list(report, "exclusions_applied", &staged->exclusions) ||
	    !set_list(report, "removed_paths", &staged->removed) ||
	    !wlt_json_set_bool(report, "preferences_found", sharing->preferences.found) ||
	    !wlt_json_set_string(report, "world_root", sharing->world) ||
	    !wlt_json_set_string(report, "signer", signer))
		return wlt_fail_memory(err);
	return wlt_terminal_json(stdout, report, err);
}

static void print_text(const struct making *making)
{
	(void)fputs("Package         ", stdout);
	wlt_terminal_strong(stdout, making->path);
	(void)printf("\nSize            %llu bytes\nImport id       %s\n",
		     (unsigned long long)making->created.size, making->created.import_id);
	if (making->sharing.signer != NULL)
		(void)printf("Signed with     %s\n", wlt_key_id(making->sharing.signer));
	if (making->stage->removed.n > 0)
		(void)printf("Left out        %zu file%s\n", making->stage->removed.n,
			     making->stage->removed.n == 1 ? "" : "s");
}

/* --- the verb ---------------------------------------------------------------------------------- */

static bool create(const struct request *request, struct wlt_error *err)
{
	WLT_AUTO(free_making) struct making making = {.request = request};

	if (request->passphrase_env != NULL &&
	    !wlt_passphrase_take(request->passphrase_env, &making.passphrase, err))
		return false;
	if (!wlt_sharing_begin(&making.sharing, &request->share, err))
		return false;
	making.output = request->output != NULL ? strdup(request->output)
						: default_output(request, &making.sharing);
	if (making.output == NULL)
		return wlt_fail_memory(err);
	if (!wlt_walnut_lock_take(making.sharing.walnut, "share", &making.lock, err) ||
	    !stage(&making, err) || !confirm(&making, err) || !make(&making, err) ||
	    !locate(&making, err))
		return false;
	if (request->json)
		return print_json(&making, err);
	print_text(&making);
	return true;
}

static bool take_option(struct request *request, int option, struct wlt_error *err)
{
	const char **text = text_of(request, option);
	struct wlt_strings *list = list_of(request, option);

	if (list != NULL)
		return wlt_strings_add(list, optarg, err);
	if (text != NULL)
		*text = optarg;
	else
		*flag_of(request, option) = true;
	return true;
}

int wlt_cli_create(int argc, char **argv)
{
	WLT_AUTO(wlt_error_clear) struct wlt_error err = WLT_ERROR_INIT;
	WLT_AUTO(free_request) struct request request = {.yes = false};
	const char *complaint;
	int found;

	while ((found = wlt_cli_option(&usage, argc, argv, options)) != -1) {
		if (found == WLT_OPTION_HELP || found == WLT_OPTION_BAD)
			return wlt_cli_status(found);
		if (!take_option(&request, found, &err))
			return wlt_cli_failed(&err);
	}
	if (optind < argc)
		return wlt_cli_misused(&usage, "`%s` is one argument too many", argv[optind]);
	complaint = complain(&request);
	if (complaint != NULL)
		return wlt_cli_misused(&usage, "%s", complaint);
	return create(&request, &err) ? 0 : wlt_cli_failed(&err);
}
