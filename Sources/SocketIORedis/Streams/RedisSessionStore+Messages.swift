// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// Messages of clients that are handled once by all servers: a key for each, empty while a server handles the message, and
/// then with the answer as MessagePack.
extension RedisSessionStore {
    private static func key(ofMessage name: String) -> String { "\(StoredSession.KeyPrefix.own.rawValue)once:\(name)" }

    private static let waitStep = Duration.milliseconds(50)

    func claimMessage(_ name: String, for life: TimeAmount) async throws(RecoveryFailure) -> RawJSON? {
        let key = Self.key(ofMessage: name)
        let milliseconds = Int(clamping: max(life.nanoseconds / 1_000_000, 1))
        let end = ContinuousClock.now + Duration.nanoseconds(life.nanoseconds)
        while true {
            if try await reply(to: RESPCommand("SET", key, "", "NX", "PX", milliseconds)) != .null { return nil }
            if let value = try await value(of: RESPCommand("GET", key)), value.readableBytes > 0 {
                guard let answer = Self.answer(value) else { throw .storeUnavailable }
                return answer
            }
            guard ContinuousClock.now < end else { throw .storeUnavailable }
            try? await Task.sleep(for: Self.waitStep)
        }
    }

    func keepAnswer(_ answer: RawJSON, of name: String, for life: TimeAmount) async {
        var writer = MessagePackWriter(capacity: answer.text.readableBytes + 16)
        guard (try? writer.write(json: answer.text, attachments: answer.attachments)) != nil else { return }
        let milliseconds = Int(clamping: max(life.nanoseconds / 1_000_000, 1))
        let command = RESPCommand("SET", Self.key(ofMessage: name), writer.finish(), "PX", milliseconds)
        _ = try? await reply(to: command)
    }

    func releaseMessage(_ name: String) { write(RESPCommand("DEL", Self.key(ofMessage: name))) }

    private static func answer(_ bytes: ByteBuffer) -> RawJSON? {
        var reader = MessagePackReader(bytes)
        guard let json = try? MessagePackJSON.read(&reader) else { return nil }
        return RawJSON(validated: json.json, attachments: json.attachments)
    }
}
