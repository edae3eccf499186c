// Part of socketio-server, MIT licence; see LICENSE.

/// A piece of work that the server does for every message, every recipient or every join.
///
/// `Micro` measures their time, `hot-loops` runs them for a tool that counts instructions.
package struct HotLoop: Sendable {
    /// Lower case words with dashes: the name on the command line and in `instructions.txt`.
    package let name: String
    /// Makes everything the work needs; the closure it returns does the work as often as told.
    package let prepare: @Sendable () -> (Int) -> Void

    package static let all = inbound + outbound + rooms + cluster

    package static func named(_ name: String) -> HotLoop? { (all + names).first { $0.name == name } }
}

/// Keeps the optimizer from seeing that a result is not needed.
@inline(never)
@_optimize(none)
func keep<T>(_ value: T) {}
