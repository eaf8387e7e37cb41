/* SPDX-License-Identifier: MIT */
/*
 * package/ – the `.walnut` package: what it says (manifest), how it is sealed (envelope), how it is
 * made and how one from a stranger is opened without trusting a byte of it.
 *
 * Reading is a pull pipeline over one small interface (package/source.h):
 *
 *     raw file or memory → [AES-256-CBC] → inflate → tar → verify → plaintext store
 *
 * and writing is its mirror: staging list → tar → deflate → [AES-256-CBC] → file. Nothing that was
 * read is handed out before the whole package has been checked against its manifest.
 *
 * This room knows nothing of FUSE or git. It depends on base/, keys/ and walnut/.
 */
#ifndef WLT_PACKAGE_PACKAGE_H
#define WLT_PACKAGE_PACKAGE_H

#include <json-c/json.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "keys/keys.h"
#include "walnut/walnut.h"

/* Limits on what is accepted; section 6 of the format. */
#define WLT_MAX_MEMBERS       10000u
#define WLT_MAX_EXPANDED      (500ull << 20)
#define WLT_MAX_MANIFEST      (8u << 20)
#define WLT_MAX_LISTED        20000u
#define WLT_MAX_RECIPIENTS    64u
#define WLT_MAX_PASSPHRASE    1024u /* what is sealed with; `openssl enc` reads no longer line */
#define WLT_MAX_ENVELOPE_JSON (256u << 10)

/* --- manifest ---------------------------------------------------------------------------------- */

enum wlt_scope { WLT_SCOPE_FULL, WLT_SCOPE_BUNDLE, WLT_SCOPE_SNAPSHOT };

struct wlt_manifest_file {
	const char *path; /* borrowed from the tree */
	char sha256[WLT_SHA256_HEX];
	uint64_t size;
};

/* A parsed manifest. `tree` is the truth, unknown keys included; the rest points into it. */
struct wlt_manifest {
	struct json_object *tree;
	const char *format_version;
	const char *source_layout; /* NULL when absent */
	const char *created;
	const char *sender;              /* "" when absent */
	const char *description;         /* "" when absent */
	const char *note;                /* "" when absent */
	const char *walnut;              /* source.walnut, "" when absent */
	const char *payload_sha256;      /* "" when absent, which only 1.x may be */
	enum wlt_scope scope;            /* `capsule` of 1.x is WLT_SCOPE_BUNDLE */
	bool v1;                         /* format_version 1.x: `_core/` paths, shown as they are */
	struct wlt_manifest_file *files; /* sorted by path, byte order */
	size_t n_files;
};

/* Parse and check `manifest.yaml` (section 3, "Reading"). */
bool wlt_manifest_parse(const char *text, size_t len, struct wlt_manifest **out,
			struct wlt_error *err);
/* The same from a value tree that was put together to be written; takes a reference of its own. */
bool wlt_manifest_from_tree(struct json_object *tree, struct wlt_manifest **out,
			    struct wlt_error *err);
void wlt_manifest_free(struct wlt_manifest *manifest); /* NULL is allowed */
static inline void wlt_manifest_cleanup(struct wlt_manifest **manifest)
{
	wlt_manifest_free(*manifest);
}

/* The exact text layout of section 3. */
bool wlt_manifest_format(struct json_object *tree, struct wlt_buf *out, struct wlt_error *err);

/* The canonical bytes of section 3, and their SHA-256, whose hex is the import_id. */
bool wlt_manifest_canonical(struct json_object *tree, struct wlt_buf *out, struct wlt_error *err);
bool wlt_manifest_digest(struct json_object *tree, uint8_t digest[WLT_SHA256_BYTES],
			 struct wlt_error *err);

/* payload_sha256 over `files`, which must be sorted by path. */
bool wlt_manifest_payload_sha256(const struct wlt_manifest_file *files, size_t n,
				 char out[WLT_SHA256_HEX], struct wlt_error *err);

const char *wlt_scope_name(enum wlt_scope scope);

/* --- signatures -------------------------------------------------------------------------------- */

enum wlt_verdict {
	WLT_VERDICT_VALID,
	WLT_VERDICT_ABSENT,
	WLT_VERDICT_UNKNOWN_KEY,
	WLT_VERDICT_MISMATCH, /* a known key, but not the sender's */
	WLT_VERDICT_INVALID,
};

const char *wlt_verdict_name(enum wlt_verdict verdict);

/* Add the `signature` member to `tree`, made with `pair` over its canonical bytes. */
bool wlt_manifest_sign(struct json_object *tree, const struct wlt_key *pair, struct wlt_error *err);

/* Judge the signature of a manifest with canonical digest `digest`. `ring` may be NULL (nobody is
 * known). `sender` is whose key it has to be (the inbox folder's name, or the manifest's sender);
 * `own_name` is the name our own key goes by, NULL for none. `signer` receives the pubkey_id named in
 * the signature, "" when absent or malformed. */
enum wlt_verdict wlt_manifest_verdict(const struct wlt_manifest *manifest,
				      const uint8_t digest[WLT_SHA256_BYTES],
				      const struct wlt_keyring *ring, const char *sender,
				      const char *own_name, char signer[WLT_KEY_ID_BYTES]);

/* --- a package as it lies there ---------------------------------------------------------------- */

/* Raw bytes: a file (`fd` >= 0, read with pread) or memory. Borrowed for as long as it is used. */
struct wlt_raw {
	int fd;
	const uint8_t *memory;
	uint64_t size;
};

enum wlt_envelope_kind {
	WLT_ENVELOPE_PLAIN,      /* 1f 8b; may still turn out to be a legacy wrapper inside */
	WLT_ENVELOPE_PASSPHRASE, /* Salted__ */
	WLT_ENVELOPE_RSA,        /* RSA hybrid */
	/* Legacy wrappers (2.0, 1.1), plain from outside: only an opened package tells them. */
	WLT_ENVELOPE_LEGACY_PASSPHRASE,
	WLT_ENVELOPE_LEGACY_RSA,
};

struct wlt_recipient {
	char pubkey_id[WLT_KEY_ID_BYTES];
	uint8_t *wrapped; /* the content key in RSA-OAEP */
	size_t wrapped_len;
};

/* What can be known without a key. For RSA `recipients`, `iv` and where the payload lies are set. */
struct wlt_envelope {
	enum wlt_envelope_kind kind;
	struct wlt_recipient *recipients;
	size_t n_recipients;
	uint8_t iv[16];
	uint64_t payload_offset;
	uint64_t payload_size;
};

/* Tell the envelope by section 5 and check all of it that is outside the payload. Reads no more than
 * the envelope, however large the package. WLT_DAMAGED when it is none of them. */
bool wlt_envelope_read(const struct wlt_raw *raw, struct wlt_envelope *out, struct wlt_error *err);
void wlt_envelope_free(struct wlt_envelope *envelope);
bool wlt_envelope_names(const struct wlt_envelope *envelope, const char *pubkey_id);
/* "plain" "passphrase" "rsa", and "legacy" for both kinds of that. */
const char *wlt_envelope_kind_name(enum wlt_envelope_kind kind);

/* --- plaintext store --------------------------------------------------------------------------- */

/*
 * Where verified plaintext lives: one append-only byte string in a memfd, sealed against every change
 * once complete; or, beyond `memory_limit` bytes, in an unlinked file in `spill_dirfd`, encrypted with
 * AES-256-CTR under a key that exists only in the secure heap. Append from one thread; after
 * wlt_plain_seal() any number of threads may read.
 */
struct wlt_plain;

bool wlt_plain_new(uint64_t memory_limit, int spill_dirfd, struct wlt_plain **out,
		   struct wlt_error *err);
bool wlt_plain_append(struct wlt_plain *plain, const void *bytes, size_t len,
		      struct wlt_error *err);
bool wlt_plain_seal(struct wlt_plain *plain, struct wlt_error *err);
uint64_t wlt_plain_size(const struct wlt_plain *plain);
uint64_t wlt_plain_memory(const struct wlt_plain *plain); /* bytes it keeps in memory */
/* The sealed memfd, for splicing, or -1 when it is spilled. Borrowed. */
int wlt_plain_fd(const struct wlt_plain *plain);
/* Read up to `len` bytes at `offset`; 0 bytes at or behind the end. Thread-safe once sealed. */
bool wlt_plain_read(const struct wlt_plain *plain, void *out, size_t len, uint64_t offset,
		    size_t *got, struct wlt_error *err);
void wlt_plain_free(struct wlt_plain *plain); /* NULL is allowed */

/* --- opening ----------------------------------------------------------------------------------- */

struct wlt_entry {
	char *path;      /* relative, checked */
	uint64_t offset; /* in the plaintext store */
	uint64_t size;
	int64_t mtime; /* seconds */
	bool executable;
};

/* An opened package: everything in it has been checked. Immutable. */
struct wlt_package {
	struct wlt_manifest *manifest;
	char import_id[WLT_SHA256_HEX];
	enum wlt_envelope_kind envelope;
	enum wlt_verdict verdict;
	char signer[WLT_KEY_ID_BYTES];
	struct wlt_entry *entries; /* files, `manifest.yaml` included; sorted by path, byte order */
	size_t n_entries;
	struct wlt_plain *plain; /* sealed; owned */
};

/* What opening looks at, in this order. */
enum wlt_check {
	WLT_CHECK_ARCHIVE, /* all that comes before the manifest can be read */
	WLT_CHECK_VERSION,
	WLT_CHECK_LAYOUT,
	WLT_CHECK_SCOPE,
	WLT_CHECK_SCHEMA,
	WLT_CHECK_FILES,
	WLT_CHECK_PAYLOAD,
	WLT_CHECK_SIGNATURE,
};

struct wlt_open_options {
	const struct wlt_key
		*pair; /* own private key; NULL: nothing opens that is sealed for one */
	const char
		*passphrase; /* NULL: none. The caller keeps it in the secure heap and wipes it */
	size_t passphrase_len;
	const struct wlt_keyring *ring; /* for the verdict; may be NULL */
	const char *sender;     /* whose key has to have signed; NULL: the manifest's sender */
	const char *own_name;   /* the name our own key goes by; may be NULL */
	bool require_signature; /* refuse all but `valid` */
	uint64_t max_expanded;  /* 0: WLT_MAX_EXPANDED */
	uint32_t max_members;   /* 0: WLT_MAX_MEMBERS */
	uint64_t memory_limit;  /* beyond it the plaintext is spilled, encrypted */
	int spill_dirfd;
	const atomic_bool *cancel; /* may be NULL; true stops with WLT_CANCELLED */
	enum wlt_check *check;     /* may be NULL; after a failure: what was being looked at */
};

/* Open, decrypt, inflate, check and verify all of it: section 6 in full. WLT_DAMAGED, WLT_NO_KEY,
 * WLT_UNTRUSTED, WLT_TOO_BIG or WLT_UNSUPPORTED (a format version that is not opened here) with a
 * sentence; on failure nothing of the content remains. A legacy wrapper is opened, too; what is kept
 * of it and of its content meanwhile stays within `memory_limit` together. */
bool wlt_package_open(const struct wlt_raw *raw, const struct wlt_open_options *options,
		      struct wlt_package **out, struct wlt_error *err);
void wlt_package_free(struct wlt_package *package); /* NULL is allowed */

/* --- making ------------------------------------------------------------------------------------ */

/* One member to be packed: a file of the walnut, or bytes made here. */
struct wlt_member {
	char *path;    /* in the package */
	char *source;  /* relative to the walnut; NULL when generated */
	char *content; /* generated (or rewritten) bytes; NULL when from `source` */
	size_t content_len;
	uint64_t size; /* as staged; of a filtered file, before the filter */
	int64_t mtime; /* seconds */
	bool executable;
	bool filtered; /* YAML: active_sessions is taken out while `source` is read */
};

struct wlt_substitution {
	char *path;
	char *reason;
};

/* What is going to be packed, from which walnut, and what was decided on the way. */
struct wlt_stage {
	int walnut_fd; /* owned */
	char *walnut_name;
	enum wlt_scope scope;
	struct wlt_member *members; /* sorted by path; without manifest.yaml */
	size_t n_members;
	struct wlt_substitution *substitutions;
	size_t n_substitutions;
	struct wlt_strings bundles;    /* leaf names: as asked for in bundle scope, else sorted */
	struct wlt_strings exclusions; /* patterns applied, in order */
	struct wlt_strings removed;    /* paths they removed */
	struct wlt_strings warnings;
	bool looks_sensitive; /* the last warning is about files that go along and look sensitive */
};

struct wlt_stage_options {
	enum wlt_scope scope;
	const struct wlt_strings *bundles;    /* bundle scope: leaf names; else NULL */
	const struct wlt_strings *exclusions; /* merged patterns; NULL for none */
	bool include_full_history;
	bool allow_restricted;
	const char *allow_with; /* how that is said, for the message; NULL: it does not tell */
	const char *session;    /* ALIVE_SESSION_ID or "manual" */
	const char *sender;
	uint64_t max_expanded; /* 0: WLT_MAX_EXPANDED */
	uint32_t max_members;  /* 0: WLT_MAX_MEMBERS; manifest.yaml counts */
	const atomic_bool *cancel;
};

/* Walk the walnut (`walnut_fd` is taken over, also on failure) and decide what goes in: section 2 in
 * full. Reads no more than what sensitivity asks for. WLT_REFUSED for a restricted share, WLT_MISSING
 * when it is not a walnut or a bundle is unknown.
 *
 * A symbolic link that stays inside is shipped as the file it points to; one to a folder as that
 * folder's files, in which further links to folders are left out with a warning, as are a link to a
 * folder that holds it, one to a kernel file that the scope withholds, and one that points to nothing.
 * A walnut inside the walnut goes along whole, with a warning. */
bool wlt_stage_walnut(int walnut_fd, const char *walnut_name,
		      const struct wlt_stage_options *options, struct wlt_stage **out,
		      struct wlt_error *err);
void wlt_stage_free(struct wlt_stage *stage); /* NULL is allowed */

/* Every member is read twice. */
enum wlt_create_step {
	WLT_STEP_CHECKSUMS, /* for the manifest, which comes first */
	WLT_STEP_PACK,
};

struct wlt_create_options {
	const char *sender;                      /* "unknown" when nobody knows */
	const char *session;                     /* "manual" */
	const char *engine;                      /* "unknown" */
	const char *description;                 /* "" */
	const char *note;                        /* "" */
	const struct wlt_key *signer;            /* NULL: unsigned */
	const struct wlt_key *const *recipients; /* RSA hybrid for these; none: plain */
	size_t n_recipients;
	const char *passphrase; /* instead of recipients: an OpenSSL enc file; NULL: none */
	size_t passphrase_len;  /* 1 to WLT_MAX_PASSPHRASE */
	const atomic_bool *cancel;
	/* Called now and then, on the thread that makes the package, with the bytes of members that
	 * this step is done with; may be NULL. */
	void (*progress)(void *context, enum wlt_create_step step, uint64_t done, uint64_t total);
	void *progress_context;
};

struct wlt_created {
	char import_id[WLT_SHA256_HEX];
	uint64_t size; /* bytes of the package */
};

/* Pack, sign and seal a stage into `out_fd`: a regular, empty, seekable file of the caller's, who
 * syncs and names it when this has succeeded. Every member is read twice: once for its SHA-256, once
 * to be packed, when it is compared again: one that changed meanwhile is WLT_BUSY. No plaintext touches
 * a disk unless the package itself is plain. */
bool wlt_package_create(const struct wlt_stage *stage, const struct wlt_create_options *options,
			int out_fd, struct wlt_created *created, struct wlt_error *err);

#endif
