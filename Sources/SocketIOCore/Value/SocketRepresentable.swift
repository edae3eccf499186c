// Part of socketio-server, MIT licence; see LICENSE.

/// A type with a form of its own in packets, which takes precedence over its `Codable` conformance.
///
/// `Date`, `Data` and other Foundation types conform in `SocketIOServer`. It holds wherever a value is met: as an
/// argument, as a property of a Codable type, in arrays and dictionaries.
public protocol SocketRepresentable {
    /// Makes a value from what arrived. Throw a `DecodingError`, or any error that explains what was expected.
    init(socketValue: SocketValue) throws

    /// What is sent.
    var socketValue: SocketValue { get throws }
}
