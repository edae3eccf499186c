// Part of socketio-server, MIT licence; see LICENSE.

/// The number of a message as a client sends it. What cannot be the number of one counts as the nearest that can, since stores
/// calculate with it: Redis' scripts in doubles, which are exact up to 2^53 only.
struct MessageNumber: Decodable, Sendable {
    /// The greatest number of a message.
    static let greatest: Int64 = 1 << 53 - 1

    /// From 0, which is the number of none, to ``greatest``.
    let value: Int64

    init(_ value: Int64) { self.value = min(max(value, 0), Self.greatest) }

    init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(Int64.self)) }
}
