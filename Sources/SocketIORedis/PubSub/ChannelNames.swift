// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The channels of one namespace (protocol 5.4.1).
struct ChannelNames: Sendable {
    /// Broadcasts to more or less than exactly one room.
    let broadcast: String
    /// Everything `broadcast` and the channels of single rooms are matched by.
    let pattern: String
    /// Requests of other nodes.
    let request: String
    /// Answers for everybody.
    let response: String

    private let broadcastBytes: ByteBuffer

    init(prefix: String, namespace: String) {
        broadcast = "\(prefix)#\(namespace)#"
        pattern = Self.escaped(broadcast) + "*"
        request = "\(prefix)-request#\(namespace)#"
        response = "\(prefix)-response#\(namespace)#"
        broadcastBytes = ByteBuffer(string: broadcast)
    }

    /// Answers for one node only.
    func response(to uid: String) -> String { "\(response)\(uid)#" }

    /// Where a broadcast to these rooms goes.
    func broadcast(to rooms: [String]) -> String { rooms.count == 1 ? "\(broadcast)\(rooms[0])#" : broadcast }

    /// The bytes of the channel of one room, or of the one for more or less than that.
    func broadcastLength(to room: String?) -> Int {
        broadcastBytes.readableBytes + (room.map { $0.utf8.count + 1 } ?? 0)
    }

    /// Writes that channel into memory of just its length.
    func writeBroadcast(to room: String?, into memory: UnsafeMutableRawBufferPointer) {
        broadcastBytes.withUnsafeReadableBytes { memory.copyMemory(from: $0) }
        guard var room, let last = memory.indices.last else { return }
        let start = broadcastBytes.readableBytes
        room.withUTF8 {
            UnsafeMutableRawBufferPointer(rebasing: memory[start..<last]).copyMemory(from: UnsafeRawBufferPointer($0))
        }
        memory[last] = UInt8(ascii: "#")
    }

    /// The room a broadcast's channel names.
    enum Room: Equatable {
        /// Not a channel of this namespace, although the pattern matched.
        case foreign
        case none
        case room(String)

        /// Whether it is `foreign`; no names are compared.
        var isForeign: Bool {
            if case .foreign = self { true } else { false }
        }
    }

    func room(of channel: ByteBuffer) -> Room {
        let length = broadcastBytes.readableBytes
        guard channel.readableBytes >= length,
            channel.readableBytesView.prefix(length).elementsEqual(broadcastBytes.readableBytesView)
        else { return .foreign }
        let name = channel.readableBytesView.dropFirst(length)
        guard let last = name.last else { return .none }
        guard last == UInt8(ascii: "#") else { return .foreign }
        return name.count == 1 ? .none : .room(String(decoding: name.dropLast(), as: UTF8.self))
    }

    /// Takes the meaning of a pattern from all characters that have one, which Node leaves to chance.
    private static func escaped(_ text: String) -> String {
        var escaped: [UInt8] = []
        for byte in text.utf8 {
            if "*?[]\\".utf8.contains(byte) { escaped.append(UInt8(ascii: "\\")) }
            escaped.append(byte)
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
