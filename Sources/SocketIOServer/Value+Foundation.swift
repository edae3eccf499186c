// Part of socketio-server, MIT licence; see LICENSE.

public import Foundation
internal import NIOCore
public import SocketIOCore

/// What the Foundation types look like to a JavaScript client, instead of the forms Codable has for them.

/// The value cannot be read as this Foundation type.
private struct UnreadableValue: Error, CustomStringConvertible {
    let description: String

    init(_ expected: String) { description = "expected \(expected)" }
}

extension Date: SocketRepresentable {
    /// Reads an ISO 8601 text, as JavaScript writes dates, or milliseconds since 1970-01-01 UTC.
    public init(socketValue: SocketValue) throws {
        if let milliseconds = socketValue.double {
            self.init(timeIntervalSince1970: milliseconds / 1000)
            return
        }
        guard let text = socketValue.string,
            let date = (try? Date(text, strategy: Self.precise)) ?? (try? Date(text, strategy: .iso8601))
        else { throw UnreadableValue("an ISO 8601 date or milliseconds since 1970") }
        self = date
    }

    /// The text JavaScript's `JSON.stringify` writes: UTC, with milliseconds.
    public var socketValue: SocketValue { .string(formatted(Self.precise)) }

    private static var precise: Date.ISO8601FormatStyle {
        Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    }
}

extension Data: SocketRepresentable {
    /// Takes an attachment.
    public init(socketValue: SocketValue) throws {
        guard let binary = socketValue.binary else { throw UnreadableValue("binary data") }
        self.init(binary.buffer.readableBytesView)
    }

    /// Becomes an attachment.
    public var socketValue: SocketValue { .binary(SocketData(self)) }
}

extension URL: SocketRepresentable {
    /// Reads a text.
    public init(socketValue: SocketValue) throws {
        guard let text = socketValue.string, let url = URL(string: text) else { throw UnreadableValue("a URL") }
        self = url
    }

    /// The absolute URL as text.
    public var socketValue: SocketValue { .string(absoluteString) }
}

extension UUID: SocketRepresentable {
    /// Reads a text in any letter case.
    public init(socketValue: SocketValue) throws {
        guard let text = socketValue.string, let id = UUID(uuidString: text) else { throw UnreadableValue("a UUID") }
        self = id
    }

    /// The text in lower case, as JavaScript's `crypto.randomUUID()` writes it.
    public var socketValue: SocketValue { .string(uuidString.lowercased()) }
}
