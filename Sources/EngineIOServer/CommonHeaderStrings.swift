// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// Names and values of headers that browsers, other clients and proxies send, each with a number of one byte.
///
/// The numbers are bytes that continue a character in UTF-8 and never begin one, so ``PackedStrings`` can tell them from text.
enum CommonHeaderStrings {
    private static let first: UInt8 = 0x80
    /// One behind the last byte of that kind.
    private static let end: UInt8 = 0xC0

    private static let texts = [
        "", "GET",
        // Names of headers.
        "Host", "Connection", "Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key", "Sec-WebSocket-Extensions",
        "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Pragma", "Origin", "Referer",
        "Cookie", "Authorization", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "X-Forwarded-For",
        "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP", "X-Request-ID", "Via", "Forwarded",
        // Their values.
        "websocket", "13", "keep-alive, Upgrade", "upgrade", "keep-alive", "close",
        "permessage-deflate; client_max_window_bits", "permessage-deflate", "*/*", "gzip, deflate",
        "gzip, deflate, br", "gzip, deflate, br, zstd", "en-US,en;q=0.9", "en-US,en;q=0.5", "no-cache", "empty", "cors",
        "same-origin", "same-site", "cross-site", "https", "http",
    ].prefix(Int(end - first))

    /// The numbers of the texts of each length.
    private static let byLength: [[UInt8]] = {
        var numbers: [[UInt8]] = []
        for (index, text) in texts.enumerated() {
            let length = text.utf8.count
            while numbers.count <= length { numbers.append([]) }
            numbers[length].append(first + UInt8(index))
        }
        return numbers
    }()

    static func isNumber(_ byte: UInt8) -> Bool { first..<end ~= byte }

    static func number(of text: String) -> UInt8? {
        let length = text.utf8.count
        guard length < byLength.count else { return nil }
        return byLength[length].first { texts[Int($0 - first)].hasSameBytes(as: text) }
    }

    /// The text with this number; nil for a byte that is none.
    static func text(_ number: UInt8) -> String? {
        guard isNumber(number), Int(number - first) < texts.count else { return nil }
        return texts[Int(number - first)]
    }
}
