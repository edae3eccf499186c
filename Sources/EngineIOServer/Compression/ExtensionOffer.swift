// Part of socketio-server, MIT licence; see LICENSE.

/// One element of `Sec-WebSocket-Extensions` (RFC 6455, section 9.1).
package struct ExtensionOffer: Equatable, Sendable {
    package struct Parameter: Equatable, Sendable {
        package var name: String
        /// A token, unquoted; nil when there was none.
        package var value: String?
    }

    package var name: String
    package var parameters: [Parameter] = []

    /// The offers of all headers of that name, in order; nil when one of them is not well formed.
    package static func parse(_ headers: [String]) -> [ExtensionOffer]? {
        var offers: [ExtensionOffer] = []
        for header in headers {
            var reader = Reader(header)
            guard reader.readList(into: &offers) else { return nil }
        }
        return offers
    }

    /// Reads one header. The grammar wants tokens only; what stands in quotes must be one too.
    private struct Reader {
        private let bytes: [UInt8]
        private var index = 0

        init(_ text: String) {
            bytes = Array(text.utf8)
        }

        mutating func readList(into offers: inout [ExtensionOffer]) -> Bool {
            var isFirst = true
            while true {
                skipBlanks()
                if take(",") { continue }
                guard index < bytes.count else { return !isFirst }
                guard let offer = readOffer() else { return false }
                offers.append(offer)
                isFirst = false
                guard index == bytes.count || take(",") else { return false }
            }
        }

        private mutating func readOffer() -> ExtensionOffer? {
            guard let name = readToken() else { return nil }
            var offer = ExtensionOffer(name: name)
            skipBlanks()
            while take(";") {
                skipBlanks()
                guard let name = readToken() else { return nil }
                var parameter = Parameter(name: name)
                skipBlanks()
                if take("=") {
                    skipBlanks()
                    guard let value = take("\"") ? readQuoted() : readToken() else { return nil }
                    parameter.value = value
                    skipBlanks()
                }
                offer.parameters.append(parameter)
            }
            return offer
        }

        private mutating func readToken() -> String? {
            let start = index
            while index < bytes.count, Self.isToken(bytes[index]) { index += 1 }
            return start == index ? nil : String(decoding: bytes[start..<index], as: UTF8.self)
        }

        /// The rest of a quoted token, behind the first quotation mark.
        private mutating func readQuoted() -> String? {
            var value: [UInt8] = []
            while index < bytes.count {
                if take("\"") { return value.isEmpty ? nil : String(decoding: value, as: UTF8.self) }
                _ = take("\\")
                guard index < bytes.count, Self.isToken(bytes[index]) else { return nil }
                value.append(bytes[index])
                index += 1
            }
            return nil
        }

        private mutating func skipBlanks() {
            while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
        }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
            index += 1
            return true
        }

        private static func isToken(_ byte: UInt8) -> Bool {
            byte > 0x20 && byte < 0x7F && !"()<>@,;:\\\"/[]?={}".utf8.contains(byte)
        }
    }
}
