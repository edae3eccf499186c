// Part of socketio-server, MIT licence; see LICENSE.

internal import CEpoll
internal import Glibc

/// Tells which descriptors are ready, when a deadline has come, and that another thread wants something.
///
/// Plain epoll, edge-triggered: a share of a wait and one read is the least a delivery can cost, and a generator that
/// costs more than the server under test measures itself. Event loops made for servers add allocations to each of them.
final class Poller {
    struct Event {
        var token: UInt64
        var isReadable: Bool
        var isWritable: Bool
        /// The peer has closed: what is readable ends, and no further edge tells so.
        var isHangUp: Bool
    }

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
        add(waker.descriptor, token: Self.wakeToken, EPOLLIN.rawValue)
        add(timer, token: Self.timerToken, EPOLLIN.rawValue)
    }

    deinit {
        close(epoll)
        close(timer)
        close(waker.descriptor)
        events.deallocate()
    }

    /// Watches a socket in both directions until it is closed. What is ready is told once: read until nothing is left.
    func watch(_ descriptor: Int32, token: UInt64) {
        add(descriptor, token: token, EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue)
    }

    private func add(_ descriptor: Int32, token: UInt64, _ interest: UInt32) {
        var event = epoll_event(events: interest, data: epoll_data_t(u64: token))
        _ = epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
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
    func event(_ index: Int) -> Event {
        let event = events[index]
        let bits = event.events
        let hangUp = bits & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        return Event(
            token: event.data.u64, isReadable: hangUp || bits & EPOLLIN.rawValue != 0,
            isWritable: bits & EPOLLOUT.rawValue != 0, isHangUp: hangUp)
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
