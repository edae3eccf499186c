// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
package import NIOCore

/// The sessions that can be continued, by their secret ids: those of connected sockets, and the records of lost ones.
///
/// A record can be claimed once. The number of records is limited; when it is reached, the oldest one is dropped.
/// `Holder` stands for a connected socket.
package struct KeptSessionTable<Holder: Sendable>: Sendable {
    package enum Finding: Sendable {
        /// A connected socket has the session. Its connection may be gone without the server having noticed.
        case held(Holder)
        case record(KeptSession)
        case failure(RecoveryFailure)
    }

    private struct Lost: Sendable {
        let record: KeptSession
        let bytes: Int
        let expiry: NIODeadline
        /// Distinguishes this loss from an earlier one of the same session in the queue.
        let serial: UInt64
    }

    private enum Entry: Sendable {
        case held(Holder)
        case lost(Lost)
    }

    private var entries: [PackedID: Entry] = [:]
    /// The losses in their order, including those whose records are gone.
    fileprivate var order = CircularBuffer<(pid: PackedID, serial: UInt64)>()
    private var serial: UInt64 = 0
    /// The number of records.
    package private(set) var recordCount = 0
    /// Bytes of these records, see ``KeptSession/bytes``.
    package private(set) var bytes = 0
    /// How many records were dropped to make room for newer ones.
    package private(set) var evictions = 0
    private let maximumRecords: Int
    private let maximumBytes: Int

    package init(maximumRecords: Int, maximumBytes: Int = .max) {
        self.maximumRecords = maximumRecords
        self.maximumBytes = maximumBytes
    }

    /// Notes that a connected socket has the session.
    package mutating func hold(_ pid: PackedID, by holder: Holder) {
        set(.held(holder), for: pid)
    }

    /// Forgets the session of a socket that is gone for good.
    package mutating func forget(_ pid: PackedID) {
        set(nil, for: pid)
    }

    /// Keeps the record of a socket whose connection is lost, or a claimed record that was not used after all.
    package mutating func keep(_ record: KeptSession, until expiry: NIODeadline) {
        let size = record.bytes
        // It would be the last to go, after all the others.
        guard maximumRecords > 0, size <= maximumBytes else { return set(nil, for: record.pid) }
        serial += 1
        set(.lost(Lost(record: record, bytes: size, expiry: expiry, serial: serial)), for: record.pid)
        order.append((record.pid, serial))
        while recordCount > maximumRecords || bytes > maximumBytes, let oldest = popOldest() {
            set(nil, for: oldest.record.pid)
            evictions += 1
        }
        // Sessions that return again and again leave entries behind in the queue.
        if order.count > 2 * maximumRecords + 16 {
            let current = order.filter { lost($0.pid)?.serial == $0.serial }
            order = CircularBuffer(current)
        }
    }

    /// Looks up a session without changing it. A record is valid up to and including its expiry.
    package func find(_ pid: PackedID, now: NIODeadline) -> Finding {
        switch entries[pid] {
        case nil: .failure(.unknownPid)
        case .held(let holder): .held(holder)
        case .lost(let lost): lost.expiry >= now ? .record(lost.record) : .failure(.expired)
        }
    }

    /// Removes a record for one connection, and returns it with the time at which it would have expired.
    package mutating func claim(
        _ pid: PackedID, now: NIODeadline
    ) throws(RecoveryFailure) -> (record: KeptSession, expiry: NIODeadline) {
        guard let lost = lost(pid) else { throw .alreadyUsed }
        guard lost.expiry >= now else { throw .expired }
        set(nil, for: pid)
        return (lost.record, lost.expiry)
    }

    /// Forgets records that have expired.
    package mutating func sweep(now: NIODeadline) {
        var kept = CircularBuffer<(pid: PackedID, serial: UInt64)>()
        for place in order {
            guard let lost = lost(place.pid), lost.serial == place.serial else { continue }
            if lost.expiry < now { set(nil, for: place.pid) } else { kept.append(place) }
        }
        order = kept
    }

    private func lost(_ pid: PackedID) -> Lost? {
        if case .lost(let lost) = entries[pid] { return lost }
        return nil
    }

    private mutating func popOldest() -> Lost? {
        while let place = order.popFirst() {
            if let lost = lost(place.pid), lost.serial == place.serial { return lost }
        }
        return nil
    }

    private mutating func set(_ entry: Entry?, for pid: PackedID) {
        if let before = lost(pid) {
            recordCount -= 1
            bytes -= before.bytes
        }
        if case .lost(let lost) = entry {
            recordCount += 1
            bytes += lost.bytes
        }
        entries[pid] = entry
    }
}

extension KeptSessionTable {
    /// The length of the queue of losses; for tests.
    var queueLength: Int { order.count }
}
