/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "package/deflate_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "package/deflater.h"

#define MAX_THREADS 4
#define MAX_JOBS    (2 * MAX_THREADS + 1)

/* Of one thread; made when it is needed. */
struct engine {
	struct wlt_deflater *fast;
	struct wlt_deflater *thorough;
};

struct wlt_deflate_pool {
	pthread_mutex_t lock; /* guards `stop`, `next` and the jobs' states */
	pthread_cond_t work;  /* a job became ready, or `stop` was set */
	pthread_cond_t done;  /* a job was done */
	bool stop;
	size_t next; /* the job a thread takes next, counted since the beginning */

	/* Of the filling thread alone: counted since the beginning; the place is the rest modulo
	 * n_jobs. */
	size_t filled;
	size_t collected;

	struct wlt_job jobs[MAX_JOBS];
	size_t n_jobs;
	pthread_t threads[MAX_THREADS];
	struct engine engines[MAX_THREADS]; /* one per thread; the first also serves alone */
	size_t n_threads;
	size_t running;
};

struct thread_start {
	struct wlt_deflate_pool *pool;
	struct engine *engine;
};

static void compress(struct engine *engine, struct wlt_job *job)
{
	struct wlt_deflater **deflater = job->thorough ? &engine->thorough : &engine->fast;

	if (*deflater == NULL)
		*deflater = job->thorough ? wlt_deflater_zlib() : wlt_deflater_fast();
	job->ok = *deflater != NULL &&
		  (*deflater)->run(*deflater, job->in, job->len, job->out, &job->made, &job->crc);
}

static void *serve(void *argument)
{
	struct thread_start start = *(struct thread_start *)argument;
	struct wlt_deflate_pool *pool = start.pool;

	free(argument);
	(void)pthread_mutex_lock(&pool->lock);
	while (!pool->stop) {
		struct wlt_job *job = &pool->jobs[pool->next % pool->n_jobs];

		if (job->state != WLT_JOB_READY) {
			(void)pthread_cond_wait(&pool->work, &pool->lock);
			continue;
		}
		job->state = WLT_JOB_TAKEN;
		pool->next++;
		(void)pthread_mutex_unlock(&pool->lock);
		compress(start.engine, job);
		(void)pthread_mutex_lock(&pool->lock);
		job->state = WLT_JOB_DONE;
		(void)pthread_cond_signal(&pool->done);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static bool start_thread(struct wlt_deflate_pool *pool)
{
	struct thread_start *start = malloc(sizeof(*start));
	size_t at = pool->running;

	if (start == NULL)
		return false;
	*start = (struct thread_start){pool, &pool->engines[at]};
	if (pthread_create(&pool->threads[at], NULL, serve, start) != 0) {
		free(start);
		return false;
	}
	pool->running++;
	return true;
}

/* Start the threads. With fewer than asked for it only takes longer; without any, the caller
 * compresses. Signals are for the threads of the program, not for these. */
static void start_threads(struct wlt_deflate_pool *pool)
{
	sigset_t all;
	sigset_t before;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (pool->running < pool->n_threads && start_thread(pool))
		continue;
	pool->n_threads = pool->running; /* tried once, before the first job */
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool add_job(struct wlt_deflate_pool *pool, struct wlt_error *err)
{
	struct wlt_job *job = &pool->jobs[pool->n_jobs];

	job->in = malloc(WLT_DEFLATE_BLOCK);
	job->out = malloc(WLT_DEFLATE_BOUND);
	pool->n_jobs++;
	return (job->in != NULL && job->out != NULL) || wlt_fail_memory(err);
}

bool wlt_pool_new(unsigned threads, struct wlt_deflate_pool **out, struct wlt_error *err)
{
	struct wlt_deflate_pool *pool = calloc(1, sizeof(*pool));
	long processors = threads > 0 ? (long)threads : sysconf(_SC_NPROCESSORS_ONLN);

	if (pool == NULL)
		return wlt_fail_memory(err);
	(void)pthread_mutex_init(&pool->lock, NULL); /* these cannot fail with default attributes */
	(void)pthread_cond_init(&pool->work, NULL);
	(void)pthread_cond_init(&pool->done, NULL);
	pool->n_threads = processors < 2             ? 0
			  : processors > MAX_THREADS ? MAX_THREADS
						     : (size_t)processors;
	for (size_t i = 0; i < 2 * pool->n_threads + 1; i++) {
		if (!add_job(pool, err)) {
			wlt_pool_free(pool);
			return false;
		}
	}
	*out = pool;
	return true;
}

void wlt_pool_free(struct wlt_deflate_pool *pool)
{
	if (pool == NULL)
		return;
	(void)pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	(void)pthread_cond_broadcast(&pool->work);
	(void)pthread_mutex_unlock(&pool->lock);
	for (size_t i = 0; i < pool->running; i++)
		(void)pthread_join(pool->threads[i], NULL);
	for (size_t i = 0; i < MAX_THREADS; i++) {
		wlt_deflater_free(pool->engines[i].fast);
		wlt_deflater_free(pool->engines[i].thorough);
	}
	for (size_t i = 0; i < pool->n_jobs; i++) {
		free(pool->jobs[i].in);
		free(pool->jobs[i].out);
	}
	(void)pthread_cond_destroy(&pool->done);
	(void)pthread_cond_destroy(&pool->work);
	(void)pthread_mutex_destroy(&pool->lock);
	free(pool);
}

struct wlt_job *wlt_pool_current(struct wlt_deflate_pool *pool)
{
	if (pool->filled - pool->collected == pool->n_jobs)
		return NULL;
	return &pool->jobs[pool->filled % pool->n_jobs];
}

bool wlt_pool_submit(struct wlt_deflate_pool *pool, bool last, struct wlt_error *err)
{
	struct wlt_job *job = &pool->jobs[pool->filled % pool->n_jobs];

	if (pool->running == 0 && !last)
		start_threads(pool);
	job->thorough = pool->filled < WLT_THOROUGH_BLOCKS;
	if (pool->running == 0)
		compress(&pool->engines[0], job);
	(void)pthread_mutex_lock(&pool->lock);
	job->state = pool->running == 0 ? WLT_JOB_DONE : WLT_JOB_READY;
	(void)pthread_cond_signal(&pool->work);
	(void)pthread_mutex_unlock(&pool->lock);
	pool->filled++;
	if (pool->running == 0 && !job->ok)
		return wlt_fail(err, WLT_INTERNAL, "cannot compress the package");
	return true;
}

struct wlt_job *wlt_pool_collect(struct wlt_deflate_pool *pool)
{
	struct wlt_job *job = &pool->jobs[pool->collected % pool->n_jobs];

	if (pool->collected == pool->filled)
		return NULL;
	(void)pthread_mutex_lock(&pool->lock);
	while (job->state != WLT_JOB_DONE)
		(void)pthread_cond_wait(&pool->done, &pool->lock);
	(void)pthread_mutex_unlock(&pool->lock);
	return job;
}

void wlt_pool_release(struct wlt_deflate_pool *pool)
{
	struct wlt_job *job = &pool->jobs[pool->collected % pool->n_jobs];

	(void)pthread_mutex_lock(&pool->lock);
	job->state = WLT_JOB_FREE;
	(void)pthread_mutex_unlock(&pool->lock);
	job->len = 0;
	pool->collected++;
}
