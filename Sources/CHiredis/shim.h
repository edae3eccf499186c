// Part of socketio-server, MIT licence; see LICENSE.

#ifndef SOCKETIO_CHIREDIS_SHIM_H
#define SOCKETIO_CHIREDIS_SHIM_H

#include <string.h>
#include <hiredis/hiredis.h>
#include <hiredis/read.h>
#include <hiredis/sds.h>

/// The kind of the item the reader waits for: one of REDIS_REPLY_*, or -1 when its first byte has not come.
static inline int chiredis_awaited_type(const redisReader *reader) {
    return reader->ridx < 0 ? -1 : reader->rstack[reader->ridx].type;
}

/// How many arrays enclose the item of a task.
static inline int chiredis_depth(const redisReadTask *task) {
    int depth = 0;
    for (task = task->parent; task != NULL; task = task->parent) depth++;
    return depth;
}

/// Replaces everything unread, which begins behind a '$', by the header of a nil bulk string.
/// The unread part must hold at least four bytes. Returns by how many bytes the buffer became shorter.
static inline size_t chiredis_replace_by_nil(redisReader *reader) {
    size_t before = reader->len;
    memcpy(reader->buf + reader->pos, "-1\r\n", 4);
    sdssetlen(reader->buf, reader->pos + 4);
    reader->buf[reader->pos + 4] = 0;
    reader->len = reader->pos + 4;
    return before - reader->len;
}

#endif
