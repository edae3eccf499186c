// Part of socketio-server, MIT licence; see LICENSE.

/// A message put aside for this tick by ``Shard/stage(_:)``; worthless once the tick is over.
package struct StagedMessage: Sendable {
    let place: MessagePlace
    let tick: UInt32
}

/// Where a staged message is. In four bytes, because there is one for each recipient.
struct MessagePlace: Hashable {
    enum Kind {
        /// Among the messages of the tick, which anybody may receive.
        case shared(Int)
        /// Among the frames of the arena, each of which has one recipient.
        case frame(Int)
    }

    /// The index, or its complement for frames.
    private let number: Int32

    /// An index is below 2^31: each message takes more bytes than that leaves memory for.
    static func shared(_ index: Int) -> MessagePlace { MessagePlace(number: Int32(truncatingIfNeeded: index)) }
    static func frame(_ index: Int) -> MessagePlace { MessagePlace(number: ~Int32(truncatingIfNeeded: index)) }

    var kind: Kind { number < 0 ? .frame(Int(~number)) : .shared(Int(number)) }

    /// Its index, if it is a frame of the arena.
    var frame: Int? { number < 0 ? Int(~number) : nil }
}
