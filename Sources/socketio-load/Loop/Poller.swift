// Part of socketio-server, MIT licence; see LICENSE.

internal import CEpoll
internal import Glibc

/// Tells which descriptors are ready, when a deadline has come, and that another thread wants something.
///
/// Plain epoll, level-triggered: one wait, one read and one write per busy connection is the least a delivery can cost,
/// and a generator that costs more than the server under test measures itself.
final class Poller {
    /// Wakes the poller from any thread.
    struct Waker: Sendable {
        fileprivate let descriptor: Int32

        func wake() {
            var one: UInt64 = 1
            _ = write(descriptor, &one, 8)
        }
    }

    static let wakeToken = UInt64.max
    static let timerToken = UInt64.max - 1
    private static let capacity = 1024

    let waker: Waker
    private let epoll: Int32
    private let timer: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private var armed: UInt64 = 0

    init() throws(LoadFailure) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC))
        waker = Waker(descriptor: eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC)))
        events = .allocate(capacity: Self.capacity)
        events.initialize(repeating: epoll_event(), count: Self.capacity)
        guard epoll >= 0, timer >= 0, waker.descriptor >= 0 else {
            throw LoadFailure.system("cannot make an event loop", errno)
        }
        watch(waker.descriptor, token: Self.wakeToken, writable: false, isNew: true)
        watch(timer, token: Self.timerToken, writable: false, isNew: true)
    }

    deinit {
        close(epoll)
        close(timer)
        close(waker.descriptor)
        events.deallocate()
    }

    /// Watches a descriptor for reading and, if wanted, for writing. Closing the descriptor ends it.
    func watch(_ descriptor: Int32, token: UInt64, writable: Bool, isNew: Bool) {
        let interest = EPOLLIN.rawValue | (writable ? EPOLLOUT.rawValue : 0)
        var event = epoll_event(events: interest, data: epoll_data_t(u64: token))
        _ = epoll_ctl(epoll, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event)
    }

    /// Waits until something is ready or `deadline` has come; returns the number of events.
    func wait(until deadline: UInt64, now: UInt64) -> Int {
        var timeout: Int32 = 0
        if deadline > now {
            timeout = -1
            arm(deadline)
        }
        let count = epoll_wait(epoll, events, Int32(Self.capacity), timeout)
        return count > 0 ? Int(count) : 0
    }

    /// The descriptor's token and what it is ready for.
    func event(_ index: Int) -> (token: UInt64, readable: Bool, writable: Bool) {
        let event = events[index]
        let bits = event.events
        let readable = bits & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        return (event.data.u64, readable, bits & EPOLLOUT.rawValue != 0)
    }

    /// Takes back the readiness of the waker and the timer.
    func acknowledge(_ token: UInt64) {
        var value: UInt64 = 0
        _ = read(token == Self.wakeToken ? waker.descriptor : timer, &value, 8)
        if token == Self.timerToken { armed = 0 }
    }

    private func arm(_ deadline: UInt64) {
        guard deadline != armed else { return }
        armed = deadline
        let time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        var setting = itimerspec(it_interval: timespec(), it_value: time)
        timerfd_settime(timer, Int32(TFD_TIMER_ABSTIME), &setting, nil)
    }
}
