// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// Counts the open sessions and recent handshakes of each address. A value without I/O; time comes in as an argument.
///
/// The table keeps an address while it has open sessions, whose number is limited, or while its last handshake still
/// counts against its rate, which is at most a second. It keeps at most ``maximumIdle`` addresses of the second kind:
/// if more arrive within a second, it forgets the oldest early, and that address may send a few handshakes more than
/// its rate. Every call visits a fixed number of entries.
struct AddressTable: Sendable {
    /// Addresses without sessions that are remembered for their rate.
    static let maximumIdle = 65_536

    private struct Entry: Sendable {
        var sessions: Int32 = 0
        /// Whether ``waiting`` names it.
        var isWaiting = false
        /// See ``CellRate``.
        var fullAt: UInt64 = 0
    }

    private var entries: [AddressKey: Entry] = [:]
    /// Addresses to remove once they have no sessions and their rate is full again, oldest first.
    private var waiting = CircularBuffer<AddressKey>()
    private let maximumIdle: Int

    init(maximumIdle: Int = AddressTable.maximumIdle) { self.maximumIdle = maximumIdle }

    /// Addresses that are remembered.
    var count: Int { entries.count }

    /// Open sessions of an address.
    func sessions(of key: AddressKey) -> Int { Int(entries[key]?.sessions ?? 0) }

    /// Counts one handshake of an address, at `now` nanoseconds of a monotonic clock.
    ///
    /// - Returns: nil when the handshake is allowed, otherwise the nanoseconds until the next one is.
    mutating func takeHandshake(of key: AddressKey, rate: CellRate, now: UInt64) -> UInt64? {
        forgetSome(now: now)
        var entry = entries[key] ?? Entry()
        let wait = rate.take(&entry.fullAt, now: now)
        if !entry.isWaiting, entry.sessions == 0 { enqueue(key, &entry) }
        entries[key] = entry
        return wait
    }

    /// A session of the address has been opened.
    mutating func opened(_ key: AddressKey) {
        entries[key, default: Entry()].sessions += 1
    }

    /// A session of the address has ended.
    mutating func closed(_ key: AddressKey, now: UInt64) {
        guard var entry = entries[key], entry.sessions > 0 else { return }
        entry.sessions -= 1
        guard entry.sessions == 0, !entry.isWaiting else { return entries[key] = entry }
        guard entry.fullAt > now else { return forget(key) }
        enqueue(key, &entry)
        entries[key] = entry
    }

    private mutating func enqueue(_ key: AddressKey, _ entry: inout Entry) {
        entry.isWaiting = true
        waiting.append(key)
    }

    /// Checks the two oldest entries, so that the list shrinks faster than it grows.
    private mutating func forgetSome(now: UInt64) {
        for _ in 0..<2 {
            guard let key = waiting.popFirst(), var entry = entries[key] else { return }
            if entry.sessions > 0 {
                entry.isWaiting = false
                entries[key] = entry
            } else if entry.fullAt <= now || waiting.count + 1 >= maximumIdle {
                forget(key)
            } else {
                waiting.append(key)
            }
        }
    }

    private mutating func forget(_ key: AddressKey) {
        entries[key] = nil
        // Neither shrinks its storage by itself. Without entries, nothing waits either.
        guard entries.isEmpty, entries.capacity > 1_024 else { return }
        entries = [:]
        waiting = CircularBuffer()
    }
}
