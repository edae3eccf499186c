// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// One Engine.IO v4 packet as a client sees it.
public enum EngineTestPacket: Sendable, Equatable {
    /// `0` with the handshake JSON.
    case open(String)
    /// `1`.
    case close
    /// `2` with what follows it.
    case ping(String)
    /// `3` with what follows it.
    case pong(String)
    /// `4` with text.
    case text(String)
    /// A binary message.
    case binary([UInt8])
    /// `5`.
    case upgrade
    /// `6`.
    case noop

    /// Reads a text message of a WebSocket or one part of a polling payload.
    public init(parsing text: String) throws {
        // By scalars: a combining mark after the digit would make one character of both.
        let rest = String(text.unicodeScalars.dropFirst())
        switch text.unicodeScalars.first {
        case "0": self = .open(rest)
        case "1" where rest.isEmpty: self = .close
        case "2": self = .ping(rest)
        case "3": self = .pong(rest)
        case "4": self = .text(rest)
        case "5" where rest.isEmpty: self = .upgrade
        case "6" where rest.isEmpty: self = .noop
        case "b":
            guard let data = Data(base64Encoded: rest) else {
                throw TestClientError.protocolViolation("not base64: \(text.prefix(100))")
            }
            self = .binary(Array(data))
        default: throw TestClientError.protocolViolation("not an Engine.IO packet: \(text.prefix(100))")
        }
    }

    /// Reads a polling payload.
    public static func parse(payload: String) throws -> [EngineTestPacket] {
        try payload.split(separator: "\u{1e}", omittingEmptySubsequences: false).map { try .init(parsing: String($0)) }
    }

    /// The packet as text, as it stands in a polling payload.
    public var text: String {
        switch self {
        case .open(let json): "0" + json
        case .close: "1"
        case .ping(let rest): "2" + rest
        case .pong(let rest): "3" + rest
        case .text(let text): "4" + text
        case .binary(let bytes): "b" + Data(bytes).base64EncodedString()
        case .upgrade: "5"
        case .noop: "6"
        }
    }
}

/// The JSON of the `open` packet.
public struct EngineTestHandshake: Sendable, Equatable {
    /// Session id; a secret of the session.
    public var sid: String
    /// Transports the server offers to upgrade to.
    public var upgrades: [String]
    /// Milliseconds between pings.
    public var pingInterval: Int
    /// Milliseconds a pong may take.
    public var pingTimeout: Int
    /// Largest message in bytes.
    public var maxPayload: Int
    /// All keys as they came.
    public var keys: [String]

    /// Reads the JSON of an `open` packet.
    public init(json: String) throws {
        guard case .object(let members) = try TestValue(json: json), let sid = members["sid"]?.string,
            case .array(let upgrades)? = members["upgrades"],
            case .number(let interval)? = members["pingInterval"],
            case .number(let timeout)? = members["pingTimeout"],
            case .number(let maximum)? = members["maxPayload"]
        else { throw TestClientError.protocolViolation("handshake \(json)") }
        self.sid = sid
        self.upgrades = upgrades.compactMap(\.string)
        self.pingInterval = Int(interval)
        self.pingTimeout = Int(timeout)
        self.maxPayload = Int(maximum)
        self.keys = members.keys.sorted()
    }
}

/// A message over an Engine.IO session.
public enum EngineTestMessage: Sendable, Equatable {
    /// Text.
    case text(String)
    /// Bytes.
    case binary([UInt8])
}

/// How a test client reaches the server.
public enum TestTransport: String, Sendable, Codable, CaseIterable {
    /// Long-polling for the whole session.
    case polling
    /// A WebSocket from the start.
    case websocket
    /// Long-polling first, then a WebSocket.
    case upgrade
}
