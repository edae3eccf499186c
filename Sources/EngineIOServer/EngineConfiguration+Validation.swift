// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Settings that cannot work, all of them at once.
public struct EngineConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence for each bad setting, beginning with its name.
    public let problems: [String]

    /// The problems in one text.
    public var description: String { "invalid engine configuration: " + problems.joined(separator: "; ") }
}

extension EngineConfiguration {
    /// Throws ``EngineConfigurationError`` when settings are out of range or contradict each other.
    public func validate() throws {
        var problems: [String] = []
        checkRouting(&problems)
        checkAdmission(&problems)
        checkTimes(&problems)
        checkSizes(&problems)
        checkCORS(&problems)
        checkCookie(&problems)
        forwarding?.check(&problems)
        if !problems.isEmpty { throw EngineConfigurationError(problems: problems) }
    }

    private func checkRouting(_ problems: inout [String]) {
        if !path.hasPrefix("/") || path.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "?") }) {
            problems.append("path must begin with / and hold no blank and no ?, it is \(path)")
        }
        if transports.isEmpty { problems.append("transports must name at least one transport") }
        let isTag = nodeTag.utf8.count == 4 && nodeTag.utf8.allSatisfy(Self.isTagByte)
        if !isTag { problems.append("nodeTag must be four characters of A-Z a-z 0-9 _ -, it is \(nodeTag)") }
        if let nodeTagHeader, !Self.isToken(nodeTagHeader) {
            problems.append("nodeTagHeader must be the name of a header, it is \(nodeTagHeader)")
        }
        let invalid = TrustedProxies(trustedProxies).invalid
        if !invalid.isEmpty {
            problems.append(
                "trustedProxies must be addresses or networks like 10.0.0.0/8, not \(invalid.joined(separator: ", "))")
        }
        if proxyProtocol, trustedProxies.isEmpty {
            problems.append("proxyProtocol needs trustedProxies, whose connections it is about")
        }
    }

    private func checkAdmission(_ problems: inout [String]) {
        let limits: [(String, Int?, ClosedRange<Int>)] = [
            ("maxSessions", maxSessions, 1...Int.max),
            ("maxSessionsPerAddress", maxSessionsPerAddress, 1...Int(Int32.max)),
            ("maxHandshakesPerSecond", maxHandshakesPerSecond, 1...1_000_000),
            ("maxHandshakesPerSecondPerAddress", maxHandshakesPerSecondPerAddress, 1...1_000_000),
            ("maxPendingSessions", maxPendingSessions, 1...Int(Int32.max)),
            ("maxPendingBytes", maxPendingBytes, 1...(1 << 40)),
        ]
        for case (let name, let value?, let range) in limits where !range.contains(value) {
            problems.append("\(name) must be \(range.lowerBound) to \(range.upperBound), it is \(value)")
        }
    }

    private func checkTimes(_ problems: inout [String]) {
        let times: [(String, Duration)] = [
            ("pingInterval", pingInterval), ("pingTimeout", pingTimeout), ("upgradeTimeout", upgradeTimeout),
            ("destroyUpgradeTimeout", destroyUpgradeTimeout), ("headTimeout", headTimeout),
            ("bodyTimeout", bodyTimeout), ("keepAliveTimeout", keepAliveTimeout), ("sendTimeout", sendTimeout),
            ("slowClientTimeout", slowClientTimeout),
        ]
        // A day is more than any of these can mean, and keeps sums of them far from overflow.
        for (name, time) in times where time <= .zero || time > .seconds(86_400) {
            problems.append("\(name) must be more than zero and at most a day")
        }
    }

    private func checkSizes(_ problems: inout [String]) {
        let sizes: [(String, Int, ClosedRange<Int>)] = [
            ("maxHttpBufferSize", maxHttpBufferSize, 1...(1 << 30)),
            ("maxRequestHeadSize", maxRequestHeadSize, 256...(1 << 20)),
            ("maxHeaders", maxHeaders, 1...10_000),
            ("slowClientBytes", slowClientBytes, 1...(1 << 40)),
            ("maxBufferedBytes", maxBufferedBytes, 1...(1 << 40)),
            ("maxTotalBufferedBytes", maxTotalBufferedBytes, 1...(1 << 50)),
            ("maxPacketsPerPayload", maxPacketsPerPayload, 1...(1 << 20)),
            ("maxFragmentsPerMessage", maxFragmentsPerMessage, 1...(1 << 20)),
            ("maxControlFramesPerSecond", maxControlFramesPerSecond, 1...(1 << 20)),
            ("maxUnhandledInputBytes", maxUnhandledInputBytes, 65_536...(1 << 40)),
        ]
        for (name, value, range) in sizes where !range.contains(value) {
            problems.append("\(name) must be \(range.lowerBound) to \(range.upperBound), it is \(value)")
        }
        if let httpCompression {
            if httpCompression.threshold < 0 { problems.append("httpCompression.threshold must not be negative") }
            if !(1...9).contains(httpCompression.level) { problems.append("httpCompression.level must be 1 to 9") }
        }
        if let perMessageDeflate {
            if perMessageDeflate.threshold < 0 { problems.append("perMessageDeflate.threshold must not be negative") }
            if !(1...9).contains(perMessageDeflate.level) {
                problems.append("perMessageDeflate.level must be 1 to 9")
            }
        }
    }

    private func checkCORS(_ problems: inout [String]) {
        guard let cors else { return }
        if case .reflect = cors.origin, cors.credentials {
            // Every page of the web could act as the logged-in user (CVE-2020-28481).
            problems.append("cors must not reflect every origin and allow credentials; list the origins")
        }
        if !(200...599).contains(cors.optionsSuccessStatus) {
            problems.append("cors.optionsSuccessStatus must be 200 to 599, it is \(cors.optionsSuccessStatus)")
        }
    }

    private func checkCookie(_ problems: inout [String]) {
        guard let cookie else { return }
        let isToken =
            !cookie.name.isEmpty && cookie.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3B && $0 != 0x3D }
        if !isToken { problems.append("cookie.name must be a token") }
        for (name, value) in [("path", cookie.path), ("domain", cookie.domain), ("expires", cookie.expires)] {
            if let value, value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0x3B }) {
                problems.append("cookie.\(name) must hold no semicolon and no control character")
            }
        }
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"()<>@,;:\\\"/[]?={}".utf8.contains($0) }
    }

    private static func isTagByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
