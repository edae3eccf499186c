// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import NIOCore

/// The namespace that a client of revision 3 names, which is a URL: its path is the name, its query stands for `auth`
/// (protocol 2.5).
package struct LegacyNamespace {
    /// The name as the server has it: what is not allowed in a path is percent-encoded.
    package let name: String
    /// The query as the text of a JSON object; nil when there is none.
    package let auth: ByteBuffer?

    /// Nil for what cannot be a URL.
    init?(_ text: UnsafeRawBufferPointer) {
        // A URL has no tabs and ends of lines, and nothing of a fragment is for the server.
        let bytes = text.filter { $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }.prefix { $0 != UInt8(ascii: "#") }
        let path = bytes.prefix { $0 != UInt8(ascii: "?") }
        // `//` alone has a host without a name.
        guard !path.elementsEqual("//".utf8) else { return nil }
        name = Self.encoded(path)
        auth = path.count < bytes.count ? Self.object(bytes[(bytes.startIndex + path.count)...]) : nil
    }

    /// Whether a name could reach another namespace than the one that it seems to name: those are refused as unknown.
    package static func isAmbiguous(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard !bytes.contains(UInt8(ascii: "\\")), !bytes.starts(with: "//".utf8) else { return true }
        return bytes.split(separator: UInt8(ascii: "/")).contains { (1...2).contains(dots(in: $0) ?? 0) }
    }

    /// How many dots a segment is made of, percent-encoded ones included; nil when there is anything else in it.
    private static func dots(in segment: ArraySlice<UInt8>) -> Int? {
        var (rest, count) = (segment, 0)
        while let first = rest.first {
            if first == UInt8(ascii: ".") {
                rest = rest.dropFirst()
            } else if rest.starts(with: "%2e".utf8) || rest.starts(with: "%2E".utf8) {
                rest = rest.dropFirst(3)
            } else {
                return nil
            }
            count += 1
        }
        return count
    }

    private static func encoded(_ path: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(path.count)
        for byte in path {
            switch byte {
            case 0...0x20, 0x7F..., UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "`"),
                UInt8(ascii: "{"), UInt8(ascii: "}"):
                result.append(UInt8(ascii: "%"))
                for nibble in [byte >> 4, byte & 0x0F] { result.append(nibble < 10 ? 0x30 + nibble : 0x37 + nibble) }
            default: result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// `?a=1&b` as `{"a":"1","b":""}`. Of members with one name JSON readers take the last.
    private static func object(_ query: ArraySlice<UInt8>) -> ByteBuffer {
        var json = JSONOutput(capacity: query.count * 2 + 16)
        json.write(UInt8(ascii: "{"))
        var isFirst = true
        var seen = Set<ExactName>()
        // The last of equal names wins.
        let fields = QueryParameters(target: String(decoding: query, as: UTF8.self)).all.reversed()
            .filter { seen.insert(ExactName($0.0)).inserted }.reversed()
        for (name, value) in fields {
            if !isFirst { json.write(UInt8(ascii: ",")) }
            isFirst = false
            json.writeString(name)
            json.write(UInt8(ascii: ":"))
            json.writeString(value)
        }
        json.write(UInt8(ascii: "}"))
        return json.buffer()
    }
}
