// Part of socketio-server, MIT licence; see LICENSE.

/// The text of an event, made once; only the acknowledgement id and the stamp change from message to message.
final class OutgoingMessage {
    private let head: [UInt8]
    @exclusivity(unchecked) private var tail: [UInt8]
    private let stampOffset: Int

    /// - Parameter arguments: JSON before the payload, each argument followed by a comma.
    init(event: String, namespace: String, arguments: String, size: Int) {
        head = Array("42\(namespace)".utf8)
        let opening = Array("[\(JSONText.quoted(event)),\(arguments)\"".utf8)
        stampOffset = opening.count
        tail = opening + MessageStamp.blank(size: size) + Array("\"]".utf8)
    }

    /// Puts the whole packet into `target`, which is emptied first.
    func write(_ stamp: MessageStamp, id: UInt32?, to target: inout [UInt8]) {
        tail.withUnsafeMutableBufferPointer { bytes in
            if let base = bytes.baseAddress { stamp.write(to: base + stampOffset) }
        }
        target.removeAll(keepingCapacity: true)
        target.append(contentsOf: head)
        if let id { target.append(decimal: id) }
        target.append(contentsOf: tail)
    }
}

/// The little JSON a load generator writes by hand.
enum JSONText {
    /// A JSON string.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
