// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

/// Divides the elements of a long answer into parts below a size. Between nodes of this kind a long list is sent as
/// several messages, so that no single one keeps the bus or a node busy for long.
struct AnswerParts<Element> {
    /// The size of a part in bytes, unless the limit of a message is smaller.
    static var usualBytes: Int { 1 << 20 }
    /// The bytes that a message needs beside the elements.
    static var envelopeBytes: Int { 1024 }

    /// The parts; there is always at least one.
    private(set) var parts: [[Element]] = [[]]

    /// - Parameters:
    ///   - limit: The limit of a message, in bytes.
    ///   - name: What its setting is called.
    ///   - size: An upper bound for the bytes of an element in the message, its separator included.
    /// - Throws: ``ClusterError`` with code `oversized` for an element that does not fit into any message.
    init(_ elements: some Sequence<Element>, limit: Int, name: String, size: (Element) -> Int) throws {
        let room = limit - Self.envelopeBytes
        let usual = min(room, Self.usualBytes)
        var used = 0
        for element in elements {
            let bytes = size(element)
            guard bytes <= room else { throw ClusterError.tooLarge(bytes, limit: limit, name: name) }
            if used > 0, used + bytes > usual {
                parts.append([])
                used = 0
            }
            used += bytes
            parts[parts.count - 1].append(element)
        }
        guard parts.count <= ClusterAdapterCore.Requests.maximumParts else {
            throw ClusterError(.oversized, "too large: an answer in \(parts.count) parts")
        }
    }

    /// Calls `body` with each part, its number and whether other parts follow. An answer in one piece has neither.
    func forEach(_ body: (_ elements: [Element], _ part: Int?, _ more: Bool?) throws -> Void) rethrows {
        guard parts.count > 1 else { return try body(parts[0], nil, nil) }
        for (number, elements) in parts.enumerated() {
            try body(elements, number, number < parts.count - 1 ? true : nil)
        }
    }
}

/// Upper bounds for the length of values in JSON.
enum JSONBound {
    /// The most bytes of a string with its quotes and a comma: an escape can turn one byte into six.
    static func string(_ text: String) -> Int { 6 * text.utf8.count + 3 }
    /// The most bytes of a member of an object whose value is a number.
    static func count(named name: String) -> Int { string(name) + 22 }
}
