// Part of socketio-server, MIT licence; see LICENSE.

/// Head of an HTTP answer, as far as a load generator needs it.
struct HTTPAnswer: Equatable {
    enum ReadResult: Equatable {
        case incomplete
        case answer(HTTPAnswer)
        case invalid(String)
    }

    /// Longest head taken from a server.
    static let headLimit = 65536
    static let bodyLimit = 64 << 20

    var status: Int
    var headLength: Int
    var bodyLength: Int
    var closes: Bool
    var accept: String?

    var totalLength: Int { headLength + bodyLength }

    /// Reads the head at the beginning of `bytes`; the body may not have come yet.
    static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> ReadResult {
        guard let headLength = endOfHead(bytes) else {
            return bytes.count > headLimit ? .invalid("the head of the answer does not end") : .incomplete
        }
        let text = String(decoding: bytes[..<headLength], as: UTF8.self)
        var lines = text.split(separator: "\r\n")[...]
        guard let first = lines.popFirst(), first.hasPrefix("HTTP/1."),
            let status = first.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return .invalid("no HTTP/1.1 answer") }
        var answer = HTTPAnswer(status: status, headLength: headLength, bodyLength: 0, closes: false, accept: nil)
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { return .invalid("a header without a colon") }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            switch line[..<colon].lowercased() {
            case "content-length":
                guard let length = Int(value), (0...bodyLimit).contains(length) else {
                    return .invalid("content-length \(value)")
                }
                answer.bodyLength = length
            case "transfer-encoding": return .invalid("transfer-encoding \(value) is not supported")
            case "connection": answer.closes = value.lowercased() == "close"
            case "sec-websocket-accept": answer.accept = String(value)
            default: break
            }
        }
        return .answer(answer)
    }

    private static func endOfHead(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var index = 3
        while index < bytes.count {
            if bytes[index] == 10, bytes[index - 1] == 13, bytes[index - 2] == 10, bytes[index - 3] == 13 {
                return index + 1
            }
            index += 1
        }
        return nil
    }
}
