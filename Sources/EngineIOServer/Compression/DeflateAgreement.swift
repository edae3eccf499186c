// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// What client and server agree on about `permessage-deflate` (RFC 7692, section 7.1).
///
/// Neither side keeps its window from one message to the next, always: an idle connection then costs no zlib state, and
/// a broadcast is compressed once for everybody.
package struct DeflateAgreement: Equatable, Sendable {
    package static let extensionName = "permessage-deflate"

    /// The largest window the server may compress with, as a power of two: 9 to 15.
    package var windowBits: Int32 = 15
    /// The client has set the limit, and wants to read it in the answer.
    private var isWindowAskedFor = false

    /// The first offer that can be accepted; nil when there is none.
    package init?(_ offers: [ExtensionOffer]) {
        for offer in offers {
            guard let agreement = DeflateAgreement(offer) else { continue }
            self = agreement
            return
        }
        return nil
    }

    /// Nil when the offer must be declined: another extension, an unknown parameter, one given twice, a bad value, or a
    /// window of 256 bytes, which zlib cannot make.
    private init?(_ offer: ExtensionOffer) {
        guard offer.name.hasSameBytes(as: Self.extensionName) else { return nil }
        var seen: NameSet = []
        for parameter in offer.parameters {
            guard seen.insert(parameter.name).inserted else { return nil }
            switch parameter.name {
            case "server_no_context_takeover", "client_no_context_takeover":
                guard parameter.value == nil else { return nil }
            case "server_max_window_bits":
                guard let bits = Self.windowBits(parameter.value), bits >= 9 else { return nil }
                windowBits = bits
                isWindowAskedFor = true
            case "client_max_window_bits":
                // A hint that the client could be told to use less. What it sends is read with the largest window.
                guard parameter.value == nil || Self.windowBits(parameter.value) != nil else { return nil }
            default:
                return nil
            }
        }
    }

    /// The value of `Sec-WebSocket-Extensions` in the 101.
    package var headerValue: String {
        let value = "\(Self.extensionName); server_no_context_takeover; client_no_context_takeover"
        return isWindowAskedFor ? "\(value); server_max_window_bits=\(windowBits)" : value
    }

    /// 8 to 15, without leading zeros.
    private static func windowBits(_ text: String?) -> Int32? {
        guard let text, text.utf8.first != UInt8(ascii: "0"), text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
            let bits = Int32(text), 8...15 ~= bits
        else { return nil }
        return bits
    }
}
