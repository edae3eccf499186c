// Part of socketio-server, MIT licence; see LICENSE.

/// A message number from a client, limited to 0…2^53 - 1: stores calculate with it, and scripts of Redis use doubles, which are
/// exact only up to 2^53.
struct MessageNumber: Decodable, Sendable {
    /// The greatest number that a message can have.
    static let greatest: Int64 = (1 << 53) - 1

    /// From 0, which no message has, to ``greatest``.
    let value: Int64

    init(_ value: Int64) { self.value = min(max(value, 0), Self.greatest) }

    init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(Int64.self)) }
}
