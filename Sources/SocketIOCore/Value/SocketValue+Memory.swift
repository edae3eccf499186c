// Part of socketio-server, MIT licence; see LICENSE.

extension SocketValue {
    /// About how much memory the value needs, in bytes.
    package var memoryBytes: Int {
        switch self {
        case .null, .bool, .int, .double: Self.slot
        case .string(let text): Self.slot + text.utf8.count
        case .binary(let data): 2 * Self.slot + data.count
        case .array(let elements): elements.reduce(2 * Self.slot) { $0 + $1.memoryBytes }
        case .object(let members):
            members.reduce(4 * Self.slot) { $0 + 2 * Self.slot + $1.key.utf8.count + $1.value.memoryBytes }
        }
    }

    private static let slot = 32
}
