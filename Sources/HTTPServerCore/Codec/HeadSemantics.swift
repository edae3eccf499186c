// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOHTTP1

/// What the headers of one request say about its body, its connection and a protocol upgrade (RFC 9112, 6 and 9; RFC
/// 9110, 7.8).
struct HeadSemantics {
    private let version: HTTPVersion
    private var contentLength: Int?
    private var isChunked = false
    private var hosts = 0
    private var saysClose = false
    private var saysKeepAlive = false
    private var saysUpgrade = false
    private var offersWebSocket = false
    private var expectsContinue = false
    private var traits = HeaderTraits()

    init(version: HTTPVersion) {
        self.version = version
    }

    mutating func note(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(HTTPRequestError) {
        // The length is compared first: most headers are none of these, and comparing all names would cost more than
        // parsing.
        switch name.count {
        case 4 where name.equalsIgnoringCase("host"):
            hosts += 1
        case 6 where name.equalsIgnoringCase("expect"):
            guard value.equalsIgnoringCase("100-continue") else { throw .expectationFailed }
            expectsContinue = true
        case 6 where name.equalsIgnoringCase("origin"):
            // With two headers the check and the application might read different ones (RFC 6454, 7.3).
            guard !traits.hasOrigin else { throw .malformed("two origins") }
            traits.hasOrigin = true
        case 7 where name.equalsIgnoringCase("upgrade"):
            offersWebSocket = offersWebSocket || value.listContains("websocket")
        case 10 where name.equalsIgnoringCase("connection"):
            saysClose = saysClose || value.listContains("close")
            saysKeepAlive = saysKeepAlive || value.listContains("keep-alive")
            saysUpgrade = saysUpgrade || value.listContains("upgrade")
        case 10 where name.equalsIgnoringCase("user-agent"):
            traits.note(agent: value)
        case 14 where name.equalsIgnoringCase("content-length"):
            // Two equal lengths are refused as well: no client sends them, and proxies treat them differently.
            guard contentLength == nil else { throw .malformed("two content lengths") }
            contentLength = try Self.length(value)
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            guard !isChunked else { throw .malformed("two transfer codings") }
            guard value.equalsIgnoringCase("chunked") else { throw .unknownTransferCoding }
            isChunked = true
        default:
            break
        }
    }

    func finish(method: HTTPMethod, target: String, headers: HTTPHeaders) throws(HTTPRequestError) -> RequestHead {
        if isChunked && contentLength != nil { throw .malformed("transfer coding and content length") }
        if isChunked && version == .http1_0 { throw .malformed("a transfer coding in HTTP/1.0") }
        if hosts > 1 { throw .malformed("two hosts") }
        if hosts == 0 && version != .http1_0 { throw .malformed("no host") }
        let framing: RequestHead.Framing
        if isChunked {
            framing = .chunked
        } else if let contentLength, contentLength > 0 {
            framing = .length(contentLength)
        } else {
            framing = .none
        }
        // HTTP/1.0 has no upgrades (RFC 9110, 7.8).
        let isUpgrade = saysUpgrade && offersWebSocket && version != .http1_0
        if isUpgrade && framing != .none { throw .malformed("an upgrade with a body") }
        return RequestHead(
            method: method, target: target, version: version, headers: headers, framing: framing,
            keepAlive: version == .http1_0 ? saysKeepAlive && !saysClose : !saysClose, isUpgrade: isUpgrade,
            expectsContinue: expectsContinue && framing != .none && version != .http1_0, traits: traits)
    }

    private static func length(_ value: UnsafeRawBufferPointer) throws(HTTPRequestError) -> Int {
        var result = 0
        guard !value.isEmpty else { throw .malformed("an empty content length") }
        for byte in value {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else {
                throw .malformed("the content length is not a number")
            }
            let (tens, overflow) = result.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            guard !overflow, !carry else { throw .malformed("the content length is out of range") }
            result = sum
        }
        return result
    }
}
