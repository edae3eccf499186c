// Part of socketio-server, MIT licence; see LICENSE.

extension String {
    /// The bodies of joined answers with `Content-Length`, with their status codes.
    package func answers() -> [(status: Int, head: String, body: String)] {
        var result: [(Int, String, String)] = []
        var rest = self[...]
        while let end = rest.firstRange(ofText: "\r\n\r\n") {
            let head = String(rest[..<end.lowerBound])
            rest = rest[end.upperBound...]
            let status = Int(head.dropFirst(9).prefix(3)) ?? 0
            let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst(15).filter { $0 != " " }) }
            let body = String(decoding: rest.utf8.prefix(length ?? 0), as: UTF8.self)
            rest = rest[rest.utf8.index(rest.utf8.startIndex, offsetBy: body.utf8.count)...]
            result.append((status, head, body))
        }
        return result
    }
}

extension Substring {
    fileprivate func firstRange(ofText text: String) -> Range<Index>? {
        let pattern = Array(text.utf8)
        var index = utf8.startIndex
        while index != utf8.endIndex {
            if utf8[index...].starts(with: pattern) {
                return index..<utf8.index(index, offsetBy: pattern.count)
            }
            utf8.formIndex(after: &index)
        }
        return nil
    }
}
