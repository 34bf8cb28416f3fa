/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a worker that has ended still had: another worker gets what may be begun once more, the rest
 * is refused. Part of the pool; called by it alone.
 */
struct pool;
struct worker;

void retry_or_refuse(struct pool *pool, struct worker *worker);
