// Part of socketio-server, MIT licence; see LICENSE.
//
// Tells the thread sanitizer what it misses of Swift's continuations and mutexes; preloaded by .ci/sanitize.sh.
//
// Continuations. The thread that resumes one tells the sanitizer: swift_continuation_resume calls __tsan_release(task). The task calls
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
// Mutexes. `Mutex` takes a free lock by an atomic operation that is compiled into the program, which the sanitizer sees. When
// another thread has the lock, the library Synchronization, which is not built for the sanitizer, spins or lets the kernel hand
// the lock over: what was written under the lock before is taken for a race. Taking and giving back the lock in that library is
// therefore told to the sanitizer as what it is, an acquire and a release of the word that is the lock.
//
// The functions below hide no real race: they order only what other threads did before they resumed or enqueued this task, or
// released this lock. `suppressions.txt` hides more: every report with UnsafeContinuation.resume in a stack. `proof.swift` contains
// the false reports, and real races that must be found; .ci/sanitize.sh runs all of them with these suppressions.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define ASYNC __attribute__((swiftasynccall))
#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

typedef struct Context Context;
typedef ASYNC void (*Resume)(__attribute__((swift_async_context)) Context *);

// The beginning of the runtime's AsyncContext.
struct Context {
    Context *parent;
    Resume resume;
};

// All three are missing in programs that are built without the sanitizer or without tasks; `swift test` starts such programs, too.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));
extern SWIFT void *swift_task_getCurrent(void) __attribute__((weak));

static ASYNC void (*awaitOriginal)(Context *);
static SWIFT void (*deallocOriginal)(void *);
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK_SLOW "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// The methods of Synchronization._MutexHandle, which is the lock's word and nothing else.
SWIFT void lockSlow(uint32_t thread, SELF void *lock) __asm__(LOCK_SLOW);
SWIFT bool tryLockSlow(SELF void *lock) __asm__(TRY_LOCK_SLOW);
SWIFT void unlockSlow(SELF void *lock) __asm__(UNLOCK_SLOW);

static SWIFT void (*lockSlowOriginal)(uint32_t, SELF void *);
static SWIFT bool (*tryLockSlowOriginal)(SELF void *);
static SWIFT void (*unlockSlowOriginal)(SELF void *);
// Where the task goes on. One for each thread suffices: it is read only when that happens at once.
static __thread Resume resume;

__attribute__((constructor)) static void find(void) {
    awaitOriginal = (ASYNC void (*)(Context *))dlsym(RTLD_NEXT, "swift_continuation_await");
    deallocOriginal = (SWIFT void (*)(void *))dlsym(RTLD_NEXT, "swift_task_dealloc");
    lockSlowOriginal = (SWIFT void (*)(uint32_t, SELF void *))dlsym(RTLD_NEXT, LOCK_SLOW);
    tryLockSlowOriginal = (SWIFT bool (*)(SELF void *))dlsym(RTLD_NEXT, TRY_LOCK_SLOW);
    unlockSlowOriginal = (SWIFT void (*)(SELF void *))dlsym(RTLD_NEXT, UNLOCK_SLOW);
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

SWIFT void lockSlow(uint32_t thread, SELF void *lock) {
    lockSlowOriginal(thread, lock);
    if (__tsan_acquire) __tsan_acquire(lock);
}

SWIFT bool tryLockSlow(SELF void *lock) {
    bool isTaken = tryLockSlowOriginal(lock);
    if (isTaken && __tsan_acquire) __tsan_acquire(lock);
    return isTaken;
}

SWIFT void unlockSlow(SELF void *lock) {
    if (__tsan_release) __tsan_release(lock);
    unlockSlowOriginal(lock);
}
