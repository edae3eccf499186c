// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// An event that is to be kept in the history of a room.
package struct EventToKeep: Sendable, Equatable {
    /// The name of the event, which is also the first element of `data`.
    package var event: String
    package var data: EncodedArguments
    /// The rooms whose members do not get it.
    package var except: [String]
    package var compress: Bool

    package init(event: String, data: EncodedArguments, except: [String] = [], compress: Bool = true) {
        self.event = event
        self.data = data
        self.except = except
        self.compress = compress
    }

    /// What the limits count.
    package var bytes: Int {
        data.attachments.reduce(data.json.readableBytes) { $0 + $1.readableBytes }
            + except.reduce(0) { $0 + $1.utf8.count }
    }

    package static func == (left: EventToKeep, right: EventToKeep) -> Bool {
        left.event.hasSameBytes(as: right.event) && left.data == right.data && left.compress == right.compress
            && left.except.elementsEqual(right.except) { $0.hasSameBytes(as: $1) }
    }

    /// The arguments with one more at the end: the position.
    package func data(at position: RoomPosition) -> EncodedArguments {
        let suffix = "\"\(position)\"]"
        var json = ByteBuffer()
        json.reserveCapacity(data.json.readableBytes + suffix.utf8.count + 1)
        // Everything but the closing bracket; the array has a name at least.
        if let array = data.json.getSlice(at: data.json.readerIndex, length: data.json.readableBytes - 1) {
            json.writeImmutableBuffer(array)
        }
        json.writeString(",")
        json.writeString(suffix)
        return EncodedArguments(json: json, attachments: data.attachments)
    }
}

/// An event of a room's history.
package struct KeptEvent: Sendable, Equatable {
    package let number: UInt64
    /// When it was kept: milliseconds since 1970, by the clock of the history.
    package let time: Int64
    package let content: EventToKeep

    package init(number: UInt64, time: Int64, content: EventToKeep) {
        self.number = number
        self.time = time
        self.content = content
    }
}

/// Which events of a history are wanted, always the nearest ones.
package enum RoomQuery: Sendable, Hashable {
    case after(UInt64)
    case before(UInt64)
    case newest
}

/// A part of a room's history.
package struct RoomPage: Sendable, Equatable {
    /// Nil when the room has no history.
    package var epoch: BootID?
    /// The number that was given out last.
    package var last: UInt64 = 0
    /// The number of the oldest event that is kept; one above `last` when there is none.
    package var first: UInt64 = 1
    /// In the order of their numbers. A number may be missing, if the event could not be read.
    package var events: [KeptEvent] = []

    package init() {}
}
