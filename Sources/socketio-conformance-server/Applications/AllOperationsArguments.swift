// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// One room name or a list of them.
struct Rooms: Decodable, Sendable {
    let names: [String]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let name = try? container.decode(String.self) {
            names = [name]
        } else {
            names = try container.decode([String].self)
        }
    }
}

/// What `mixed` applies to a broadcast operator.
struct Options: Decodable, Sendable {
    var to: [String]?
    var except: [String]?
    var local: Bool?
    var volatile: Bool?
    var compress: Bool?
    /// Milliseconds.
    var timeout: Int?

    func applied(to target: BroadcastOperator) -> BroadcastOperator {
        var target = target
        if let to { target = target.to(to) }
        if let except { target = target.except(except) }
        if local == true { target = target.local }
        if volatile == true { target = target.volatile }
        if let compress { target = target.compress(compress) }
        if let timeout { target = target.timeout(.milliseconds(timeout)) }
        return target
    }
}

/// `{err, res}`: how an operation with answers went.
struct Outcome: Encodable, Sendable {
    let error: String?
    let result: SocketValue

    private enum Key: String, CodingKey {
        case err
        case res
    }

    static func of(_ operation: () async throws -> SocketValue) async -> Outcome {
        do {
            return Outcome(error: nil, result: try await operation())
        } catch let error as BroadcastAckError {
            return Outcome(error: error.message, result: .array(error.responses.map { $0[0] }))
        } catch {
            return Outcome(error: "\(error)", result: .null)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        // Both members are always there, `err` as null when all went well.
        try container.encode(error, forKey: .err)
        try container.encode(result, forKey: .res)
    }
}
