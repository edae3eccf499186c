// Part of socketio-server, MIT licence; see LICENSE.

/// The type digit of a Socket.IO packet (protocol 3.1).
package enum SocketPacketType: UInt8, Sendable, CaseIterable {
    case connect = 0
    case disconnect = 1
    case event = 2
    case ack = 3
    case connectError = 4
    case binaryEvent = 5
    case binaryAck = 6

    /// The digit on the wire.
    package var digit: UInt8 { rawValue + UInt8(ascii: "0") }

    /// Whether an attachment count stands after the digit.
    package var hasAttachments: Bool { self == .binaryEvent || self == .binaryAck }

    /// Whether it is an event.
    var isEvent: Bool { self == .event || self == .binaryEvent }

    /// Whether its data is an array.
    var hasArray: Bool { isEvent || self == .ack || self == .binaryAck }
}
