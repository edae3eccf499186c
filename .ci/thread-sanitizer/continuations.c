// Part of socketio-server, MIT licence; see LICENSE.
//
// Tells the thread sanitizer what it misses of Swift's continuations; preloaded by .ci/sanitize.sh.
//
// Who resumes a continuation tells the sanitizer so: swift_continuation_resume calls __tsan_release(task). The task calls
// __tsan_acquire(task) when it is run by its executor (runJobInEstablishedExecutorContext), but not when it finds, in
// swift_continuation_await, that the continuation has been resumed already: then it goes on at once, on the same thread. So
// whatever another thread made and handed over by a continuation is taken for a race whenever that thread was faster, such as an
// event loop that has the reply of Redis before the task has begun to wait for it. The order is real all the same: resuming
// writes the continuation's state with release semantics, and awaiting reads it with acquire semantics.
//
// What is missing is added in the two places where such a task goes on:
//  - swift_continuation_await, for continuations that are awaited in the program itself (withUnsafeContinuation is inlined);
//  - swift_task_dealloc, for those that the runtime awaits by itself (withCheckedContinuation): the caller of an asynchronous
//    function frees its frame as the first thing after it has returned.
//
// Nothing that is a race becomes invisible: only what others did before they resumed or enqueued this task counts as done
// before. `proof.swift` has the false report, and a real race that must be found; .ci/sanitize.sh runs both.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define ASYNC __attribute__((swiftasynccall))
#define SWIFT __attribute__((swiftcall))

typedef struct Context Context;
typedef ASYNC void (*Resume)(__attribute__((swift_async_context)) Context *);

// The beginning of the runtime's AsyncContext.
struct Context {
    Context *parent;
    Resume resume;
};

// Both are missing in other programs, which `swift test` starts too.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern SWIFT void *swift_task_getCurrent(void) __attribute__((weak));

static ASYNC void (*awaitOriginal)(Context *);
static SWIFT void (*deallocOriginal)(void *);
// Where the task goes on. One for each thread suffices: it is read only when that happens at once.
static __thread Resume resume;

__attribute__((constructor)) static void find(void) {
    awaitOriginal = (ASYNC void (*)(Context *))dlsym(RTLD_NEXT, "swift_continuation_await");
    deallocOriginal = (SWIFT void (*)(void *))dlsym(RTLD_NEXT, "swift_task_dealloc");
}

static void acquire(void) {
    if (!__tsan_acquire || !swift_task_getCurrent) return;
    void *task = swift_task_getCurrent();
    if (task) __tsan_acquire(task);
}

static ASYNC void resumed(__attribute__((swift_async_context)) Context *context) {
    context->resume = resume;
    acquire();
    return context->resume(context);
}

// A task that is suspended does not come back through the context but through the task.
ASYNC void swift_continuation_await(Context *context) {
    resume = context->resume;
    context->resume = resumed;
    return awaitOriginal(context);
}

SWIFT void swift_task_dealloc(void *memory) {
    acquire();
    deallocOriginal(memory);
}
