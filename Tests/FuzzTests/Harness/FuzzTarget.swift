// Part of socketio-server, MIT licence; see LICENSE.

/// A decoder under bytes that anybody may have made, with what must hold for all of them.
///
/// The same functions run under libFuzzer (`Tests/Fuzz`, `make fuzz`) and over its corpus in the unit tests. A function
/// returns when the bytes were decoded or refused as they should be, throws ``FuzzFinding`` when a rule does not hold, and
/// never traps.
package struct FuzzTarget: Sendable {
    /// The name of its corpus folder.
    package let name: String
    /// The longest input that is worth trying, in bytes.
    package let maximumLength: Int
    /// Decodes the input.
    package let run: @Sendable (FuzzInput) throws -> Void

    /// All of them.
    package static let all: [FuzzTarget] = [
        pollingPayload, revision3, webSocket, deflate, http, packet, json, messagePack, messagePackPacket, broadcast,
        clusterMessage, resp, query, headers, proxyHeader, settings, streamEntry, recovery, roomHistory,
    ]

    /// The one with this name.
    package static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// A rule that does not hold for an input.
package struct FuzzFinding: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Throws a finding unless the condition holds.
func require(_ condition: Bool, _ rule: @autoclosure () -> String) throws(FuzzFinding) {
    if !condition { throw FuzzFinding(rule()) }
}
