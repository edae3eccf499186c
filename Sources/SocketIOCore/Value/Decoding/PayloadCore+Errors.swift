// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// A coding key made from a name or a position.
struct PayloadKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        self.intValue = nil
    }

    init(intValue: Int) {
        self.stringValue = "Index \(intValue)"
        self.intValue = intValue
    }
}

extension PayloadCore {
    /// The names and positions that lead to a node, found by descending from the root. Incomplete when the budget is
    /// used up.
    func codingPath(of target: Int) -> [any CodingKey] {
        var path: [any CodingKey] = []
        if let argument { path.append(PayloadKey(intValue: argument)) }
        var index = 0
        descent: while index < target {
            let node = tape[index]
            let isObject = node.kind == .object
            var child = index + 1
            var position = 0
            while child < Int(node.next) {
                guard pathBudget > 0 else { return path }
                pathBudget -= 1
                let value = isObject ? child + 1 : child
                let end = Int(tape[value].next)
                if target < end {
                    path.append(
                        isObject
                            ? PayloadKey(stringValue: tape.string(tape[child])) : PayloadKey(intValue: position))
                    index = value
                    continue descent
                }
                child = end
                position += 1
            }
            break
        }
        return path
    }

    private func context(_ text: String, at index: Int) -> DecodingError.Context {
        DecodingError.Context(codingPath: codingPath(of: index), debugDescription: text)
    }

    /// The error for names that must not be compared as Swift strings.
    func namesRefused(at index: Int) -> DecodingError {
        .dataCorrupted(
            context(
                "Names with more than 30 combining marks in a row, or that differ only in how characters are composed, "
                    + "cannot be keys of a dictionary with strings; take a NameDictionary or a SocketValue.", at: index)
        )
    }

    /// A value of another kind, or null.
    func mismatch(_ type: any Any.Type, at index: Int) -> DecodingError {
        let found: String
        switch tape[index].kind {
        case .null: return missing(type, at: index)
        case .true, .false: found = "a boolean"
        case .number: found = "a number"
        case .string: found = "a string"
        case .array: found = "an array"
        case .object: found = attachment(at: index) == nil ? "an object" : "binary data"
        }
        return .typeMismatch(type, context("Expected \(type) but found \(found).", at: index))
    }

    /// Null or nothing where a value is needed.
    func missing(_ type: any Any.Type, at index: Int) -> DecodingError {
        .valueNotFound(type, context("Expected \(type) but found null or nothing.", at: index))
    }

    /// A number that the type cannot hold.
    func unrepresentable(_ type: any Any.Type, at index: Int) -> DecodingError {
        // Numbers come from a peer and may be long.
        let digits = String(decoding: tape.bytes(of: tape[index]).prefix(40), as: UTF8.self)
        return .dataCorrupted(context("The number \(digits) does not fit in \(type).", at: index))
    }

    /// A member that does not exist.
    func notFound(_ key: any CodingKey, in index: Int) -> DecodingError {
        .keyNotFound(key, context("There is no member \"\(key.stringValue)\".", at: index))
    }
}
