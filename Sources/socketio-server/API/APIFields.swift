// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// The members of a JSON object of a request, taken out one after the other. In the end none may be left: a misspelt name
/// would otherwise be overlooked.
struct APIFields {
    private let object: SocketObject
    private var known: [String] = []
    private let limits: APILimits

    init(_ value: SocketValue, limits: APILimits) throws(APIError) {
        guard let object = value.object else {
            throw APIError(code: .badJSON, message: "the body must be a JSON object")
        }
        self.object = object
        self.limits = limits
    }

    private mutating func take(_ name: String) -> SocketValue? {
        known.append(name)
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    /// A text of so many bytes at most; nil when it is missing.
    mutating func text(_ name: String, longest: Int) throws(APIError) -> String? {
        guard let value = take(name) else { return nil }
        guard let text = value.string else { throw .field(name, "must be a text") }
        guard !text.isEmpty, text.utf8.count <= longest else { throw .field(name, "must have 1 to \(longest) bytes") }
        return text
    }

    /// The name of a namespace, with the slash in front.
    mutating func namespace() throws(APIError) -> String {
        let name = try text("namespace", longest: limits.maxNameLength) ?? "/"
        return name.utf8.first == UInt8(ascii: "/") ? name : "/" + name
    }

    /// One name or a list of names; empty when it is missing.
    mutating func names(_ name: String) throws(APIError) -> [String] {
        guard let value = take(name) else { return [] }
        if let text = value.string { return [try checked(text, name)] }
        guard let list = value.array else { throw .field(name, "must be a name or a list of names") }
        guard list.count <= limits.maxRooms else { throw .field(name, "must have at most \(limits.maxRooms) names") }
        var names: [String] = []
        names.reserveCapacity(list.count)
        for element in list {
            guard let text = element.string else { throw .field(name, "must be a name or a list of names") }
            names.append(try checked(text, name))
        }
        return names
    }

    private func checked(_ text: String, _ name: String) throws(APIError) -> String {
        guard !text.isEmpty, text.utf8.count <= limits.maxNameLength else {
            throw .field(name, "must hold names of 1 to \(limits.maxNameLength) bytes (limits.maxNameLength)")
        }
        return text
    }

    /// False when it is missing.
    mutating func flag(_ name: String) throws(APIError) -> Bool {
        guard let value = take(name) else { return false }
        guard let flag = value.bool else { throw .field(name, "must be true or false") }
        return flag
    }

    /// A whole number of a range; nil when it is missing.
    mutating func number(_ name: String, _ range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let value = take(name) else { return nil }
        guard let number = value.int, range.contains(number) else {
            throw .field(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A list of any values; nil when it is missing.
    mutating func list(_ name: String) throws(APIError) -> [SocketValue]? {
        guard let value = take(name) else { return nil }
        guard let list = value.array else { throw .field(name, "must be a list") }
        return list
    }

    /// Refuses members that nobody has asked for.
    func finish() throws(APIError) {
        for name in object.keys where !known.hasBytes(of: name) {
            let short = String(decoding: name.utf8.prefix(40), as: UTF8.self).escapingControlCharacters()
            throw .field(short, "is not known here; there are \(known.joined(separator: ", "))")
        }
    }
}

/// The limits of requests to the HTTP API.
struct APILimits: Sendable {
    var maxBodyBytes = 1_048_576
    var maxBatch = 100
    var maxAckTimeoutMs = 60_000
    var maxNameLength = 256
    var maxEventNameLength = 256
    var maxNesting = 128
    /// Names in one `to`, `except` or `rooms`.
    var maxRooms = 1_000
    /// Rooms or sockets in one answer.
    var maxListed = 1_000
    /// How many events of a history are answered when the request does not say.
    var defaultHistoryPage = 50
}
