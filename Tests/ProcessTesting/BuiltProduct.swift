// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// The executables that were built together with the tests.
package enum BuiltProduct {
    /// The path of one, by the name of its product.
    package static func path(_ name: String) -> String {
        // Beside the running test bundle, or beside the tool that loaded it from the same folder.
        let candidates =
            ["/proc/self/exe"].compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: $0) }
            + CommandLine.arguments + Bundle.allBundles.map(\.bundlePath)
        let folders = candidates.map { URL(fileURLWithPath: $0).deletingLastPathComponent() }
        let found = folders.map { $0.appendingPathComponent(name).path }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        return found ?? ".build/debug/\(name)"
    }
}
